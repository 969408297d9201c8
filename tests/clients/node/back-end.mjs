// A back end that receives webhooks. It accepts all of them, until a test sets another answer.
import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { Reader } from './presence.mjs';

export class BackEnd extends Reader {
  status = 204;
  #server;

  constructor() {
    const arrivals = new EventEmitter();
    super(arrivals);
    this.#server = createServer(async (request, response) => {
      const parameters = Object.fromEntries(new URLSearchParams(await text(request)));
      response.writeHead(this.status).end();
      arrivals.emit('data', { url: this.origin + request.url, signature: request.headers['x-twilio-signature'], parameters });
    });
  }

  // Starts the back end on any loopback port and sets its origin.
  async start() {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.origin = `http://127.0.0.1:${this.#server.address().port}`;
  }

  close() {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

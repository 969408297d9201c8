// A back end that receives webhooks and believes them: of an update, it takes only what the reasons name. It drops repetitions.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';

export class BackEnd {
  #beliefs = new Map(); // whether a user is online, by identity; null if unknown
  #tokens = new Set();
  received = 0; // without repetitions

  static async start() {
    const backEnd = new BackEnd();
    const server = createServer(async (request, response) => {
      const form = new URLSearchParams(await text(request));
      const token = request.headers['i-twilio-idempotency-token'];
      if (!backEnd.#tokens.has(token)) backEnd.#take(form);
      backEnd.#tokens.add(token);
      response.end();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    backEnd.url = `http://127.0.0.1:${server.address().port}/events`;
    return backEnd;
  }

  knows(identity) {
    return this.#beliefs.has(identity);
  }

  // What is wrong, for users as a read returns them.
  errors(users) {
    return [...users.values()].filter((user) => this.#beliefs.get(user.identity) !== (user.isOnline ?? null))
      .map((user) => `${user.identity}: the back end believes ${this.#beliefs.get(user.identity)}, and the server shows ${user.isOnline}`);
  }

  #take(form) {
    this.received += 1;
    const identity = form.get('Identity');
    if (form.get('UpdateReasons').split(',').includes('reachabilityOnline')) {
      this.#beliefs.set(identity, form.has('IsOnline') ? form.get('IsOnline') === 'true' : null);
    } else if (!this.#beliefs.has(identity)) {
      this.#beliefs.set(identity, null);
    }
  }
}

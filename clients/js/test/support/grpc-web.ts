import { type DescMessage, type MessageInitShape, create, toBinary } from '@bufbuild/protobuf';
import { WatchUsersResponseSchema } from '../../src/gen/presence/v1/user_service_pb.js';

export type Message = MessageInitShape<typeof WatchUsersResponseSchema>;

export const headers = { 'content-type': 'application/grpc-web+proto' };

/** The messages of a watch as the server sends them. */
export function frames(messages: Message[]): Uint8Array {
  return Buffer.concat(messages.map((message) => frame(toBinary(WatchUsersResponseSchema, create(WatchUsersResponseSchema, message)))));
}

/** The whole response of a unary call that succeeds. */
export function answer<Desc extends DescMessage>(schema: Desc, reply: MessageInitShape<Desc>): Response {
  const trailers = frame(Buffer.from('grpc-status: 0\r\n'), 0x80);
  return new Response(Buffer.concat([frame(toBinary(schema, create(schema, reply))), trailers]), { headers });
}

function frame(body: Uint8Array, flags = 0): Uint8Array {
  const head = Buffer.alloc(5, flags);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}

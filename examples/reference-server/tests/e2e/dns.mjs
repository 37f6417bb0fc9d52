// A name server that knows a few TXT records and nothing else (RFC 1035).

import { createSocket } from 'node:dgram';
import { once } from 'node:events';

const NAME_ERROR = 3;
const TXT = 16;

/** Listens on this machine. `publish` adds a record. */
export async function nameServer() {
  const records = new Map();
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => socket.send(answer(query, records), from.port, from.address));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    address: `127.0.0.1:${socket.address().port}`,
    publish: (name, text) => records.set(name.toLowerCase(), text),
    end: () => socket.close(),
  };
}

function answer(query, records) {
  const labels = [];
  let at = 12;
  while (query[at] > 0) {
    labels.push(query.toString('ascii', at + 1, at + 1 + query[at]));
    at += 1 + query[at];
  }
  const question = query.subarray(12, at + 5);
  const text = query.readUInt16BE(at + 1) === TXT ? records.get(labels.join('.').toLowerCase()) : undefined;
  const head = Buffer.from(query.subarray(0, 12));
  // An answer, of whom the names are; one question, at most one record.
  head.writeUInt16BE(0x8400 | (head.readUInt16BE(2) & 0x0100) | (text ? 0 : NAME_ERROR), 2);
  [1, text ? 1 : 0, 0, 0].forEach((count, index) => head.writeUInt16BE(count, 4 + 2 * index));
  if (!text) return Buffer.concat([head, question]);
  // The name is that of the question; for a minute; one string.
  const record = Buffer.from([0xc0, 12, 0, TXT, 0, 1, 0, 0, 0, 60, 0, text.length + 1, text.length]);
  return Buffer.concat([head, question, record, Buffer.from(text, 'ascii')]);
}

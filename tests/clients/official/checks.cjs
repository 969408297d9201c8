// Checks what the Node library meets beyond the sample: identities in paths, pages in both directions, and errors.
const assert = require('node:assert/strict');
const twilio = require('twilio');

const service = twilio(process.env.TWILIO_ACCOUNT_SID, process.env.TWILIO_AUTH_TOKEN).conversations.v1.services(process.argv[2]);
const identities = ['node', 'Updates', 'of/two parts', '100%25', 'Jürgen', '語'.repeat(100)];

async function check() {
  for (const identity of identities) {
    const created = await service.users.create({ identity });
    assert.equal((await service.users(encodeURIComponent(identity)).fetch()).sid, created.sid);
  }
  const first = await service.users.page({ pageSize: 2 });
  const second = await first.nextPage();
  const back = await second.previousPage();
  assert.deepEqual(back.instances.map(({ sid }) => sid), first.instances.map(({ sid }) => sid));
  assert.deepEqual(await service.bindings.list({ bindingType: ['twilsock'] }), []);
  await assert.rejects(service.users.create({ identity: 'x'.repeat(257) }), { code: 50207, status: 400 });
  await assert.rejects(service.users.page({ pageNumber: 1 }), { code: 20001, status: 400 });
  for (const identity of identities) assert.equal(await service.users(encodeURIComponent(identity)).remove(), true);
}

check();

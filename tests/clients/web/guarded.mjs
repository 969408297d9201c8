// A page that uses its user's access token on a server that requires credentials. The back end, in Node, has prepared the data.
import { UpdateReason } from 'protos/presence/v1/user_pb.js';
import { ApiKeyRole } from 'protos/presence/v1/api_key_pb.js';
import { Watch, call, connect, rejected } from './presence.mjs';
import { equal } from './tap.mjs';

const absentSid = 'IS00000000000000000000000000000bad';

export async function runGuardedStory({ baseUrl, serviceSid, otherSid, accessToken, identity, revokeKey }, step) {
  const { configuration, users } = connect(baseUrl, { authorization: `Bearer ${accessToken}` });
  const beat = (userKey) => ({ serviceSid, userKey, sessionId: crypto.randomUUID() });
  let watch;

  await step('may call nothing without credentials, and reads why', async () => {
    const { code, reason } = await rejected(connect(baseUrl).users, 'getUser', {});
    equal([code, reason], ['Unauthenticated', 'CREDENTIALS_REQUIRED']);
  });

  await step('watches all users as the end user, sends a heartbeat, and sees herself online', async () => {
    watch = new Watch(users, { serviceSid });
    await watch.expect('configuration');
    await watch.expect('reset');
    await watch.untilSynced();
    await call(users, 'heartbeat', beat(identity));
    const { user, updateReasons } = await watch.change(identity);
    equal([user.isOnline, updateReasons], [true, [UpdateReason.CREATED, UpdateReason.REACHABILITY_ONLINE]]);
  });

  await step('may not beat for somebody else, nor change the configuration', async () => {
    for (const rejection of [
      await rejected(users, 'heartbeat', beat('somebody-else')),
      await rejected(configuration, 'updateConfiguration',
        { configuration: { serviceSid, reachabilityEnabled: false }, updateMask: { paths: ['reachability_enabled'] } }),
    ]) equal([rejection.code, rejection.reason], ['PermissionDenied', 'PERMISSION_DENIED']);
  });

  await step('cannot distinguish a service instance of another tenant from one that does not exist', async () => {
    const answerAbout = async (sid) =>
      JSON.stringify(await rejected(users, 'getUser', { serviceSid: sid, userKey: identity })).replaceAll(sid, 'it');
    const answer = await answerAbout(otherSid);
    equal(JSON.parse(answer).reason, 'SERVICE_INSTANCE_NOT_FOUND');
    equal(await answerAbout(absentSid), answer);
  });

  await step('is signed out when the key is revoked, and its watch says why and where to resume', async () => {
    await revokeKey();
    const { code, reason, metadata } = await watch.end();
    equal([code, reason, metadata.resume_token], ['Unauthenticated', 'API_KEY_REVOKED', watch.resumeToken]);
    equal((await rejected(users, 'heartbeat', beat(identity))).reason, 'API_KEY_REVOKED');
  });
}

// The data that a back end prepares with an administrator's credentials: two service instances, and a key for one of them.
export async function prepare(baseUrl, authorization) {
  const { configuration, keys } = connect(baseUrl, { authorization });
  const create = async () => (await call(configuration, 'createServiceInstance', { friendlyName: 'Web story' })).serviceInstance.sid;
  const [serviceSid, otherSid] = [await create(), await create()];
  await call(configuration, 'updateConfiguration',
    { configuration: { serviceSid, reachabilityEnabled: true }, updateMask: { paths: ['reachability_enabled'] } });
  const { apiKey, secret } = await call(keys, 'createApiKey', { role: ApiKeyRole.SERVICE, serviceSid, friendlyName: 'Web story' });
  return {
    serviceSid,
    otherSid,
    keySid: apiKey.sid,
    secret,
    revokeKey: async () => { await call(keys, 'revokeApiKey', { apiKeySid: apiKey.sid }); },
    cleanUp: async () => {
      for (const sid of [serviceSid, otherSid]) await call(configuration, 'deleteServiceInstance', { serviceSid: sid });
    },
  };
}

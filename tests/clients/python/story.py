"""python3 story.py [host:port]

The story of two users: presence is switched on, watched, missed and caught up with. It needs a running
server, and leaves nothing behind.
"""

import os
import re
import sys
import uuid

import grpc
from client import Client, HeartbeatStream, Watch, call, rejected
from tap import equal, step, the_end

from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from presence.v1.configuration_pb2 import Configuration
from presence.v1.configuration_service_pb2 import (
    CreateServiceInstanceRequest,
    DeleteServiceInstanceRequest,
    GetConfigurationRequest,
    UpdateConfigurationRequest,
)
from presence.v1.error_reason_pb2 import ErrorReason
from presence.v1.push_binding_pb2 import BINDING_TYPE_FCM
from presence.v1.session_pb2 import SessionBeat
from presence.v1.user_pb2 import USER_VIEW_REACHABILITY, UpdateReason, User
from presence.v1.user_service_pb2 import (
    CreateUserRequest,
    EndSessionRequest,
    GetUserRequest,
    HeartbeatRequest,
    HeartbeatStreamBeats,
    HeartbeatStreamStart,
    ListUsersRequest,
    ResetReason,
    SetPushBindingRequest,
    StreamHeartbeatsRequest,
    UpdateUserRequest,
    WatchUsersRequest,
)

address = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("PRESENCE_ADDRESS", "127.0.0.1:5080")
client = Client(address)
phone, laptop, tablet = (str(uuid.uuid4()) for _ in range(3))


def reachability(user):
    """The three values of a user, with None for null."""
    names = ("is_online", "is_notifiable", "last_online_time")
    return [getattr(user, name) if user.HasField(name) else None for name in names]


def reasons(update):
    return {UpdateReason.Name(reason).removeprefix("UPDATE_REASON_") for reason in update.update_reasons}


with step("creates a service instance"):
    created = call(client.configuration.CreateServiceInstance, CreateServiceInstanceRequest(friendly_name="Python story"))
    service_sid = created.service_instance.sid
    assert re.fullmatch("IS[0-9a-f]{32}", service_sid), service_sid

with step("reads nulls while reachability is off, even of a user whose session lives"):
    call(client.users.CreateUser, CreateUserRequest(service_sid=service_sid, identity="ada"))
    reply = call(
        client.users.Heartbeat, HeartbeatRequest(service_sid=service_sid, user_key="ada", session_id=laptop)
    )
    equal(reply.reachability_enabled, False)
    ada = call(client.users.GetUser, GetUserRequest(service_sid=service_sid, user_key="ada")).user
    equal(reachability(ada), [None, None, None])
    call(client.users.EndSession, EndSessionRequest(service_sid=service_sid, user_key="ada", session_id=laptop))

with step("switches reachability on"):
    call(
        client.configuration.UpdateConfiguration,
        UpdateConfigurationRequest(
            configuration=Configuration(
                service_sid=service_sid, reachability_enabled=True, offline_debounce=Duration(seconds=1)
            ),
            update_mask=FieldMask(paths=["reachability_enabled", "offline_debounce"]),
        ),
    )
    now = call(client.configuration.GetConfiguration, GetConfigurationRequest(service_sid=service_sid))
    equal(now.configuration.reachability_enabled, True)
    equal(now.configuration.offline_debounce, Duration(seconds=1))

with step("reads nulls for a user that was never online"):
    ada = call(client.users.GetUser, GetUserRequest(service_sid=service_sid, user_key="ada")).user
    equal(reachability(ada), [None, None, None])

with step("watches: configuration, reset, all users without reasons, synced"):
    watch = Watch(client, WatchUsersRequest(service_sid=service_sid))
    equal(watch.expect("configuration", "configuration").reachability_enabled, True)
    equal(watch.expect("reset", "reset").reason, ResetReason.RESET_REASON_INITIAL)
    snapshot = watch.until_synced()
    equal(list(snapshot), ["ada"])
    equal(reasons(snapshot["ada"]), set())
    assert watch.resume_token, "synced brought no resume token"

with step("beats, and the watch sees REACHABILITY_ONLINE"):
    reply = call(client.users.Heartbeat, HeartbeatRequest(service_sid=service_sid, user_key="ada", session_id=phone))
    equal(reply.reachability_enabled, True)
    equal(reply.heartbeat_interval, Duration(seconds=30))
    change = watch.change("ada")
    equal(reasons(change), {"REACHABILITY_ONLINE"})
    equal(change.user.is_online, True)

with step("reads a null is_notifiable for a user that never had a push binding"):
    ada = call(client.users.GetUser, GetUserRequest(service_sid=service_sid, user_key="ada")).user
    equal(reachability(ada), [True, None, None])

with step("reads nulls from a list that asks for no view, and values from one that does"):
    plain = call(client.users.ListUsers, ListUsersRequest(service_sid=service_sid))
    equal([(user.identity, *reachability(user)) for user in plain.users], [("ada", None, None, None)])
    viewed = call(
        client.users.ListUsers,
        ListUsersRequest(service_sid=service_sid, view=USER_VIEW_REACHABILITY, online=True),
    )
    equal([(user.identity, *reachability(user)) for user in viewed.users], [("ada", True, None, None)])

with step("sets a push binding, and the watch sees REACHABILITY_NOTIFIABLE"):
    call(
        client.users.SetPushBinding,
        SetPushBindingRequest(
            service_sid=service_sid,
            user_key="ada",
            binding_type=BINDING_TYPE_FCM,
            endpoint="the-device-token-of-ada",
        ),
    )
    change = watch.change("ada")
    equal(reasons(change), {"REACHABILITY_NOTIFIABLE"})
    equal(reachability(change.user), [True, True, None])

with step("ends the session, and the watch sees the user offline"):
    call(client.users.EndSession, EndSessionRequest(service_sid=service_sid, user_key="ada", session_id=phone))
    change = watch.change("ada")
    equal(reasons(change), {"REACHABILITY_ONLINE"})
    equal(reachability(change.user)[:2], [False, True])
    assert change.user.HasField("last_online_time"), "last_online_time is unset"

with step("gets an error for a late heartbeat of an ended session, which changes nothing"):
    late = rejected(
        client.users.Heartbeat, HeartbeatRequest(service_sid=service_sid, user_key="ada", session_id=phone)
    )
    equal((late.code, late.reason), (grpc.StatusCode.FAILED_PRECONDITION, "SESSION_ENDED"))

with step("resumes a watch, and sees what it missed with the reasons"):
    watch.cancel()
    call(
        client.users.UpdateUser,
        UpdateUserRequest(
            user=User(service_sid=service_sid, identity="ada", friendly_name="Ada"),
            update_mask=FieldMask(paths=["friendly_name"]),
        ),
    )
    call(client.users.Heartbeat, HeartbeatRequest(service_sid=service_sid, user_key="grace", session_id=phone))

    watch = Watch(client, WatchUsersRequest(service_sid=service_sid, resume_token=watch.resume_token))
    watch.expect("configuration", "configuration")
    missed = watch.until_synced()
    equal(
        {identity: reasons(update) for identity, update in missed.items()},
        {"ada": {"FRIENDLY_NAME"}, "grace": {"CREATED", "REACHABILITY_ONLINE"}},
    )
    equal(missed["grace"].user.is_online, True)

with step("beats for many users over one stream, which ends their sessions when it closes"):
    stream = HeartbeatStream(client)
    start = HeartbeatStreamStart(service_sid=service_sid, end_sessions_on_close=True)
    equal(stream.send(StreamHeartbeatsRequest(start=start)).accepted, 0)

    beats = [SessionBeat(user_key="ada", session_id=tablet), SessionBeat(user_key="ada", session_id=phone)]
    reply = stream.send(StreamHeartbeatsRequest(beats=HeartbeatStreamBeats(beats=beats)))
    equal(reply.accepted, 1)
    equal(
        [(entry.index, entry.reason) for entry in reply.rejected],
        [(1, ErrorReason.ERROR_REASON_SESSION_ENDED)],
    )
    equal(watch.change("ada").user.is_online, True)

    stream.close()
    equal(watch.change("ada").user.is_online, False)

with step("gets documented errors with their ErrorInfo"):
    unknown = rejected(client.users.GetUser, GetUserRequest(service_sid=service_sid, user_key="nobody"))
    equal((unknown.code, unknown.reason), (grpc.StatusCode.NOT_FOUND, "USER_NOT_FOUND"))
    equal(unknown.metadata, {"user_key": "nobody"})

    malformed = rejected(
        client.users.Heartbeat, HeartbeatRequest(service_sid=service_sid, session_id="not a session id")
    )
    equal((malformed.code, malformed.reason), (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_REQUIRED"))
    equal(malformed.violations, [("user_key", "FIELD_REQUIRED"), ("session_id", "FIELD_INVALID")])

with step("deletes the service instance, and the watch ends with the reason"):
    call(client.configuration.DeleteServiceInstance, DeleteServiceInstanceRequest(service_sid=service_sid))
    end = watch.end()
    equal((end.code, end.reason), (grpc.StatusCode.NOT_FOUND, "SERVICE_INSTANCE_NOT_FOUND"))

the_end()

"""PRESENCE_CA=FILE PRESENCE_KEY=SID:SECRET python3 guarded.py [host:port]

The story of authorization: an administrator, a back end, an end user and strangers, each with their own
credentials or none. It needs a server with TLS. The file contains the authority of its certificate, and the
key belongs to an administrator of the whole deployment. The story leaves only revoked API keys behind.
"""

import base64
import hashlib
import hmac
import json
import os
import pathlib
import re
import sys
import time
import uuid

import grpc
from client import Client, Watch, call, rejected
from tap import equal, step, the_end

from google.protobuf.field_mask_pb2 import FieldMask
from presence.v1.api_key_pb2 import API_KEY_ROLE_READ, API_KEY_ROLE_SERVICE
from presence.v1.api_key_service_pb2 import CreateApiKeyRequest, RevokeApiKeyRequest
from presence.v1.configuration_pb2 import Configuration
from presence.v1.configuration_service_pb2 import (
    CreateServiceInstanceRequest,
    DeleteServiceInstanceRequest,
    UpdateConfigurationRequest,
)
from presence.v1.user_pb2 import USER_VIEW_REACHABILITY, UpdateReason, User
from presence.v1.user_service_pb2 import (
    CreateUserRequest,
    GetUserRequest,
    HeartbeatRequest,
    UpdateUserRequest,
    WatchUsersRequest,
)

ADA = "ada@example.com"
GRACE = "grace@example.com"

# A watch ends within a second of the revocation. A busy machine may report it later.
SOON = 2
HOUR = 3600

address = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("PRESENCE_ADDRESS", "127.0.0.1:5080")
authorities = pathlib.Path(os.environ["PRESENCE_CA"]).read_bytes()
administrator_key = os.environ["PRESENCE_KEY"]


def basic(key):
    """A back end's credentials for HTTP Basic."""
    return "Basic " + base64.b64encode(key.encode()).decode()


def connect(authorization=None):
    """Creates a client with these credentials."""
    return Client(address, authorities, authorization)


def make_key(role):
    """Creates an API key for the story's service instance, and returns its SID and its secret."""
    request = CreateApiKeyRequest(role=role, service_sid=service_sid, friendly_name="Python story")
    made = call(administrator.keys.CreateApiKey, request)
    return made.api_key.sid, made.secret


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def mint(identity, seconds):
    """An access token for the end user, signed with the back end's key."""
    now = int(time.time())
    header = {"alg": "HS256", "typ": "JWT", "cty": "twilio-fpa;v=1"}
    claims = {
        "jti": f"{key_sid}-{now}",
        "iss": key_sid,
        "sub": "AC00000000000000000000000000000000",
        "iat": now,
        "exp": now + seconds,
        "grants": {"identity": identity, "chat": {"service_sid": service_sid}},
    }
    signed = b".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
    signature = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    return (signed + b"." + base64url(signature)).decode()


def beat(identity):
    return HeartbeatRequest(service_sid=service_sid, user_key=identity, session_id=str(uuid.uuid4()))


def switch_reachability(enabled):
    return UpdateConfigurationRequest(
        configuration=Configuration(service_sid=service_sid, reachability_enabled=enabled),
        update_mask=FieldMask(paths=["reachability_enabled"]),
    )


def expect_rejection(method, request, code, reason):
    got = rejected(method, request)
    equal((got.code, got.reason), (code, reason))


administrator = connect(basic(administrator_key))

with step("does not talk to a server whose authority it does not know"):
    try:
        answer = call(Client(address, authorities=b"").users.GetUser, GetUserRequest())
        raise AssertionError(f"it answered {answer}")
    except grpc.RpcError as error:
        equal(error.code(), grpc.StatusCode.UNAVAILABLE)
        assert "certificate verify failed" in error.details(), error.details()

with step("may call nothing without credentials"):
    expect_rejection(
        connect().users.GetUser, GetUserRequest(), grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_REQUIRED"
    )

with step("is rejected with a wrong secret"):
    impostor = connect(basic(administrator_key.partition(":")[0] + ":not-the-secret"))
    expect_rejection(
        impostor.users.GetUser, GetUserRequest(), grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_INVALID"
    )

with step("makes two service instances and the key of a back end, as the administrator"):
    service_sid, other_sid = (
        call(administrator.configuration.CreateServiceInstance, CreateServiceInstanceRequest(friendly_name=name))
        .service_instance.sid
        for name in ("Python story", "Python story, another")
    )
    call(administrator.configuration.UpdateConfiguration, switch_reachability(True))
    key_sid, secret = make_key(API_KEY_ROLE_SERVICE)
    assert re.fullmatch("SK[0-9a-f]{32}", key_sid), key_sid
    equal(len(secret), 64)

with step("creates users, as the back end"):
    back_end = connect(basic(f"{key_sid}:{secret}"))
    for identity in (ADA, GRACE):
        call(back_end.users.CreateUser, CreateUserRequest(service_sid=service_sid, identity=identity))
    expect_rejection(
        back_end.users.CreateUser,
        CreateUserRequest(service_sid=other_sid, identity=ADA),
        grpc.StatusCode.NOT_FOUND,
        "SERVICE_INSTANCE_NOT_FOUND",
    )

with step("beats and edits her friendly name, as the end user of an access token"):
    user = connect("Bearer " + mint(ADA, HOUR))
    equal(call(user.users.Heartbeat, beat(ADA)).reachability_enabled, True)
    edited = call(
        user.users.UpdateUser,
        UpdateUserRequest(
            user=User(service_sid=service_sid, identity=ADA, friendly_name="Countess of Lovelace"),
            update_mask=FieldMask(paths=["friendly_name"]),
        ),
    )
    equal(edited.user.friendly_name, "Countess of Lovelace")

with step("may not beat for somebody else, nor change the configuration"):
    denied = (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED")
    expect_rejection(user.users.Heartbeat, beat(GRACE), *denied)
    expect_rejection(user.configuration.UpdateConfiguration, switch_reachability(False), *denied)

with step("gets the same answer about a service instance that exists and one that does not"):

    def answer_about(sid):
        """The answer to a request about another service instance, without the SID itself."""
        answer = rejected(user.users.GetUser, GetUserRequest(service_sid=sid, user_key=ADA))
        metadata = {name: value.replace(sid, "it") for name, value in answer.metadata.items()}
        return answer.code, answer.reason, metadata, answer.message.replace(sid, "it")

    answer = answer_about(other_sid)
    equal(answer[:3], (grpc.StatusCode.NOT_FOUND, "SERVICE_INSTANCE_NOT_FOUND", {"service_sid": "it"}))
    equal(answer_about("IS00000000000000000000000000000bad"), answer)

with step("watches all users with a token that lives for seconds; the watch ends with the token, and has a resume token"):
    request = WatchUsersRequest(service_sid=service_sid, view=USER_VIEW_REACHABILITY)
    watch = Watch(connect("Bearer " + mint(ADA, 3)), request)
    watch.expect("configuration", "configuration")
    watch.expect("reset", "reset")
    everybody = watch.until_synced()
    online = {
        who: update.user.is_online if update.user.HasField("is_online") else None
        for who, update in everybody.items()
    }
    equal(online, {ADA: True, GRACE: None})
    end = watch.end()
    equal((end.code, end.reason), (grpc.StatusCode.UNAUTHENTICATED, "ACCESS_TOKEN_EXPIRED"))
    equal(end.metadata["resume_token"], watch.resume_token)

with step("resumes there with a new token, and sees what it missed without a reset"):
    call(back_end.users.Heartbeat, beat(GRACE))
    request.resume_token = watch.resume_token
    watch = Watch(connect("Bearer " + mint(ADA, HOUR)), request)
    watch.expect("configuration", "configuration")
    missed = watch.until_synced()
    equal(
        {who: list(update.update_reasons) for who, update in missed.items()},
        {GRACE: [UpdateReason.UPDATE_REASON_REACHABILITY_ONLINE]},
    )
    watch.cancel()

with step("makes a key that only reads, and revokes it: its watch ends within about a second"):
    reader_sid, reader_secret = make_key(API_KEY_ROLE_READ)
    reader = connect(basic(f"{reader_sid}:{reader_secret}"))
    expect_rejection(reader.users.Heartbeat, beat(ADA), grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED")
    watch = Watch(reader, WatchUsersRequest(service_sid=service_sid))
    watch.expect("configuration", "configuration")
    watch.expect("reset", "reset")
    watch.until_synced()

    call(administrator.keys.RevokeApiKey, RevokeApiKeyRequest(api_key_sid=reader_sid))
    revoked = time.monotonic()
    end = watch.end()
    took = time.monotonic() - revoked
    equal((end.code, end.reason), (grpc.StatusCode.UNAUTHENTICATED, "API_KEY_REVOKED"))
    assert took <= SOON, f"the watch ended {took} s after the key was revoked"
    expect_rejection(reader.users.GetUser, GetUserRequest(), grpc.StatusCode.UNAUTHENTICATED, "API_KEY_REVOKED")

with step("revokes the key of the back end: the tokens that it signed end with it"):
    call(administrator.keys.RevokeApiKey, RevokeApiKeyRequest(api_key_sid=key_sid))
    for client in (user, connect("Bearer " + mint(ADA, HOUR))):
        expect_rejection(client.users.Heartbeat, beat(ADA), grpc.StatusCode.UNAUTHENTICATED, "API_KEY_REVOKED")
    for sid in (service_sid, other_sid):
        call(administrator.configuration.DeleteServiceInstance, DeleteServiceInstanceRequest(service_sid=sid))

the_end()

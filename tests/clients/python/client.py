"""A small client of presence.v1. Importing it generates the stubs."""

import queue
import threading

import grpc
import stubs  # noqa: F401  The imports below find what it makes.

import rpc_status_pb2
from presence.v1 import api_key_service_pb2_grpc, configuration_service_pb2_grpc, user_service_pb2_grpc

# How many seconds an answer may take before the wait fails with a message that names what did not happen.
PATIENCE = 20


class Client:
    """The services at an address such as "127.0.0.1:5080", in the clear and without credentials, or

    - over TLS, to a server whose certificate comes from an authority in the PEM bytes `authorities`; empty for those
      that gRPC knows;
    - with `authorization` as the metadata of that name. Only over TLS: gRPC sends no credentials in the clear.
    """

    def __init__(self, address, authorities=None, authorization=None):
        if authorities is None:
            self.channel = grpc.insecure_channel(address)
        else:
            self.channel = grpc.secure_channel(address, _credentials(authorities, authorization))
        self.keys = api_key_service_pb2_grpc.ApiKeyServiceStub(self.channel)
        self.configuration = configuration_service_pb2_grpc.ConfigurationServiceStub(self.channel)
        self.users = user_service_pb2_grpc.UserServiceStub(self.channel)


def _credentials(authorities, authorization):
    credentials = grpc.ssl_channel_credentials(root_certificates=authorities or None)
    if authorization is None:
        return credentials
    metadata = (("authorization", authorization),)
    return grpc.composite_channel_credentials(
        credentials, grpc.metadata_call_credentials(lambda context, callback: callback(metadata, None))
    )


def call(method, request):
    """Calls a unary method."""
    return method(request, timeout=PATIENCE)


def rejected(method, request):
    """Calls a method that must fail, and returns its status with its details."""
    try:
        response = call(method, request)
    except grpc.RpcError as error:
        return Rejection(error)
    raise AssertionError(f"it was not rejected: {response}")


class Rejection:
    """A status of the server: its code, its message, the ErrorInfo, and the invalid fields."""

    def __init__(self, error):
        details = details_of(error)
        if "ErrorInfo" not in details or details["ErrorInfo"].domain != "grpc-presence":
            raise AssertionError(f"there is no ErrorInfo of the server with {error}")
        self.code = error.code()
        self.message = error.details()
        self.reason = details["ErrorInfo"].reason
        self.metadata = dict(details["ErrorInfo"].metadata)
        violations = details["BadRequest"].field_violations if "BadRequest" in details else []
        self.violations = [(violation.field, violation.reason) for violation in violations]


def details_of(error):
    """The details of a status: the google.rpc.Status in the trailer `grpc-status-details-bin`."""
    status = rpc_status_pb2.Status()
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            status.ParseFromString(value)
    details = {}
    for packed in status.details:
        name = packed.TypeName().rsplit(".", 1)[-1]
        details[name] = getattr(rpc_status_pb2, name)()
        packed.Unpack(details[name])
    return details


class Reader:
    """A stream of the server, read one message at a time with a limit on the wait."""

    def __init__(self, stream):
        self._stream = stream
        self._arrived = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            for message in self._stream:
                self._arrived.put(message)
            self._arrived.put(EOFError("the stream ended"))
        except grpc.RpcError as error:
            self._arrived.put(error)

    def next(self, what):
        """The next message. Raises the stream's error when the stream ends instead."""
        try:
            arrived = self._arrived.get(timeout=PATIENCE)
        except queue.Empty:
            raise TimeoutError(f"within {PATIENCE} s there was no {what}") from None
        if isinstance(arrived, Exception):
            raise arrived
        return arrived

    def cancel(self):
        self._stream.cancel()


class Watch(Reader):
    """A watch, which remembers its last token."""

    def __init__(self, client, request):
        super().__init__(client.users.WatchUsers(request))
        self.resume_token = ""

    def next(self, what):
        message = super().next(what)
        self.resume_token = message.resume_token or self.resume_token
        return message

    def expect(self, event, what):
        """The next message, which must be this event. `progress` only shows that the watch is alive."""
        while True:
            message = self.next(what)
            got = message.WhichOneof("event")
            if got == event:
                return getattr(message, event)
            if got != "progress":
                raise AssertionError(f"{got} came in place of {what}")

    def change(self, identity):
        """The next update, which must be of this user alone."""
        updates = self.expect("updates", f"update of {identity}").updates
        if [update.user.identity for update in updates] != [identity]:
            raise AssertionError(f"not one update of {identity} came, but {updates}")
        return updates[0]

    def until_synced(self):
        """All updates up to `synced`, by identity."""
        found = {}
        while True:
            message = self.next("synced")
            got = message.WhichOneof("event")
            if got == "synced":
                return found
            if got != "updates":
                raise AssertionError(f"{got} came before synced")
            found.update((update.user.identity, update) for update in message.updates.updates)


    def end(self):
        """The final status of the watch, which must end without another message."""
        try:
            message = self.next("end of the watch")
        except grpc.RpcError as error:
            return Rejection(error)
        raise AssertionError(f"the watch goes on with {message}")


class HeartbeatStream(Reader):
    """Heartbeats of many sessions over one stream. The server answers each message with one reply."""

    def __init__(self, client):
        self._outgoing = queue.Queue()
        super().__init__(client.users.StreamHeartbeats(iter(self._outgoing.get, None)))

    def send(self, message):
        self._outgoing.put(message)
        return self.next(f"reply to {message.WhichOneof('message')}")

    def close(self):
        self._outgoing.put(None)

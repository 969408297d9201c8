namespace GrpcPresence.Core.Domain;

/// <summary>
/// Every limit of Core, each with its reason. "Characters" are Unicode code points, as the product counts them; one takes at most four
/// bytes of UTF-8. Limits of a transport stand beside their use: of HTTP in <c>KestrelSetup</c>, of webhook requests in
/// <c>WebhookClient</c> and <c>WebhookHandler</c>, of access tokens in <c>AccessTokenVerifier</c>, of streams in <c>Server/Streams</c>, of
/// REST pages in <c>Server/Rest/Api</c>.
/// </summary>
public static class Limits
{
    /// <summary>
    /// Characters of an identity, at most 1,024 bytes of UTF-8: the limit of Twilio Conversations, and room for an e-mail address (254) or
    /// a URN.
    /// </summary>
    public const int IdentityLength = 256;

    /// <summary>Bytes of an identity: four for each character.</summary>
    public const int IdentityBytes = 4 * IdentityLength;

    /// <summary>Characters of a friendly name, at most 1,024 bytes of UTF-8: the limit of Twilio Conversations.</summary>
    public const int FriendlyNameLength = 256;

    /// <summary>Bytes of a friendly name: four for each character.</summary>
    public const int FriendlyNameBytes = 4 * FriendlyNameLength;

    /// <summary>
    /// Bytes of attributes: the limit of Twilio Conversations for a user. A user has about 18.5 KiB at its largest, so lists, batches and
    /// watch messages are bounded by bytes too. Percent-encoding in a webhook and escapes in JSON make at most three bytes of one, so a
    /// webhook and a server-sent event have at most 56 KiB, below the 64 KiB to 1 MiB that HTTP servers and parsers accept of one.
    /// </summary>
    public const int AttributesBytes = 16 * 1024;

    /// <summary>Nesting of attributes: deeper objects are accidents, and parsers of clients recurse.</summary>
    public const int AttributesDepth = 32;

    /// <summary>Bytes of a push endpoint: Web Push URLs reach several hundred.</summary>
    public const int EndpointBytes = 1024;

    /// <summary>Bytes of a webhook URL: the length that proxies and servers reliably accept in a request line.</summary>
    public const int WebhookUrlBytes = 2048;

    /// <summary>Characters of the name of a webhook event: twice the longest known name.</summary>
    public const int WebhookEventLength = 64;

    /// <summary>Webhook events that a service instance may name: twice the number of known names.</summary>
    public const int WebhookFilters = 50;

    /// <summary>Bytes of a notification template: push services limit a whole message to 4 KiB.</summary>
    public const int NotificationTemplateBytes = 1024;

    /// <summary>Bytes of the name of a notification's sound, which is a file name.</summary>
    public const int NotificationSoundBytes = 256;

    /// <summary>Users that one list of push bindings may name in addition to user_key: each is looked up before the page is read.</summary>
    public const int ListedBindingUsers = 50;

    /// <summary>Characters of a session id: a GUID takes 36, 256 random bits in base64url take 43.</summary>
    public const int SessionIdLength = 64;

    /// <summary>Push bindings of one user, one for each device. More are usually tokens that were never deleted.</summary>
    public const int BindingsPerUser = 50;

    /// <summary>
    /// API keys in force in one scope: a service instance or the whole deployment. All are held in memory. More are usually keys that were
    /// never revoked.
    /// </summary>
    public const int ApiKeysPerScope = 1000;

    /// <summary>
    /// Revoked API keys of one scope that are remembered. The key revoked first is evicted, so that creating and revoking keys in a loop
    /// has a bounded cost.
    /// </summary>
    public const int RevokedApiKeysPerScope = 1000;

    /// <summary>
    /// Open requests without verified credentials: the OpenAPI document, metrics, unknown paths, errors. Each keeps some 10 KB until its
    /// client has read the response. Beyond that, the oldest is reset.
    /// </summary>
    public const int AnonymousRequests = 1000;

    /// <summary>Those of one connection. Beyond that, they are rejected; a proxy with many clients needs a few at a time.</summary>
    public const int AnonymousRequestsPerConnection = 100;

    /// <summary>Open health calls and watches, which need no credentials. Beyond that, the oldest is reset.</summary>
    public const int HealthRequests = 1000;

    /// <summary>Those of one connection: a proxy or client has at most one for each name.</summary>
    public const int HealthRequestsPerConnection = 100;

    /// <summary>Connections to the port of probes: orchestrators open one for each probe. Beyond that, the oldest is closed.</summary>
    public const int ProbeConnections = 32;

    /// <summary>Open reflection streams, which need no credentials. Tools need a few. Beyond that, the oldest is reset.</summary>
    public const int ReflectionStreams = 100;

    /// <summary>Those of one connection.</summary>
    public const int ReflectionStreamsPerConnection = 10;

    /// <summary>Requests of one reflection stream. Tools ask once for each service and file.</summary>
    public const int PublicStreamRequests = 1000;

    /// <summary>Bytes of a name of a client certificate: a SPIFFE ID has at most 2048 by its specification, a DNS name 253.</summary>
    public const int CertificateNameBytes = 2048;

    /// <summary>
    /// Callers whose verified credentials are cached, so that calls need not verify them again. With access tokens of 450 characters this
    /// is about 60 MB.
    /// </summary>
    public const int CachedCallers = 50_000;

    /// <summary>
    /// Users that calls named by SID, and whose identities a node of a cluster remembers. So a steady heartbeat reads nothing, whichever
    /// node gets it. With identities of 36 characters this is about 250 MB. Heartbeats of further users may read each time.
    /// </summary>
    public const int CachedSids = 1_000_000;

    /// <summary>Characters of credentials that are cached. Longer ones are verified at each call.</summary>
    public const int CachedCredentialsLength = 1024;

    /// <summary>
    /// Cached credentials of one caller: the two secrets of an API key, or the present tokens of a few devices of an end user. Further ones
    /// replace those that the caller uses least.
    /// </summary>
    public const int CachedCredentialsPerCaller = 8;

    /// <summary>
    /// Live sessions of one user. The least recently renewed is evicted, so that a client that creates an id for each heartbeat has a
    /// bounded cost.
    /// </summary>
    public const int SessionsPerUser = 32;

    /// <summary>Ended session ids remembered for one user. The id that would expire first is evicted.</summary>
    public const int EndedSessionsPerUser = 64;

    /// <summary>Entries of a page when the request sets no size.</summary>
    public const int DefaultPageSize = 50;

    /// <summary>Maximum entries of a page. At their largest, 500 users have 9 MiB, so <see cref="PageBytes"/> applies as well.</summary>
    public const int MaxPageSize = 500;

    /// <summary>
    /// Bytes of a page, after which it ends and has a token for the next one: a quarter of the 4 MiB that gRPC clients accept by default.
    /// As JSON, whose escapes make at most three bytes of one, a page takes at most 3 MiB.
    /// </summary>
    public const int PageBytes = 1024 * 1024;

    /// <summary>
    /// Rows that one page examines at most. A filter that excludes nearly all of them then ends the page early, with a token for the next
    /// one. Four pages of the largest size take a few milliseconds.
    /// </summary>
    public const int RowsPerPage = 2000;

    /// <summary>
    /// Bytes of a row that count as one row in the quota of reads. Most users have less than 1 KiB; one with the largest attributes counts
    /// five times.
    /// </summary>
    public const int RowUnitBytes = 4096;

    /// <summary>
    /// Rows that a call counts as in the quota of reads, if it reads fewer. A call that reads one user costs about as much as ten users
    /// of a list.
    /// </summary>
    public const int RowsPerCall = 10;

    /// <summary>
    /// Deletions of one identity that a resumed watch reads. Beyond that, it starts with a snapshot, which shows the only user that can
    /// still have the identity.
    /// </summary>
    public const int TombstonesPerKey = 500;

    /// <summary>Keys of a BatchGetUsers: one page. At their largest, the keys take half of <see cref="ReceivedMessageBytes"/>.</summary>
    public const int BatchGetKeys = 500;

    /// <summary>
    /// Bytes of the response to a BatchGetUsers, which has no second page: below the 4 MiB that gRPC clients accept by default. 500 users
    /// fit with 6 KiB of attributes each.
    /// </summary>
    public const int BatchGetBytes = 3 * 1024 * 1024;

    /// <summary>
    /// Users that one watch may name: each costs an index entry. Beyond that, watching all users is cheaper. At their largest, 1,000
    /// identities fit into <see cref="ReceivedMessageBytes"/>.
    /// </summary>
    public const int WatchedKeys = 1000;

    /// <summary>
    /// Entries of one heartbeat stream message: reading and renewing them takes well under a tick. With identities of up to 950 bytes,
    /// 1,000 entries fit into <see cref="ReceivedMessageBytes"/>.
    /// </summary>
    public const int BeatsPerMessage = 1000;

    /// <summary>Replies of a heartbeat stream that may wait for the store: bounds the memory of one stream.</summary>
    public const int OutstandingHeartbeatReplies = 16;

    /// <summary>
    /// Bytes of a received message at most: 1,000 watched users at their largest, or 1,000 heartbeats of identities of up to 950 bytes.
    /// Most methods accept less: the column of <c>AuthorizationTable</c>.
    /// </summary>
    public const int ReceivedMessageBytes = 1024 * 1024;

    /// <summary>
    /// Bytes of a message to a method without a larger limit: three times a user at its largest. The largest such message is a list of the
    /// push bindings of 51 identities, with 54 KiB.
    /// </summary>
    public const int UnaryMessageBytes = 64 * 1024;

    /// <summary>
    /// Bytes of a BatchGetUsers: 500 keys at their largest, each with four bytes for its tag and its length, and the other fields.
    /// </summary>
    public const int BatchGetMessageBytes = (BatchGetKeys * (IdentityBytes + 4)) + 1024;

    /// <summary>
    /// Bytes of a message to a method that needs no credentials, health and reflection: the names of services, symbols and files have a few
    /// hundred.
    /// </summary>
    public const int PublicMessageBytes = 4 * 1024;

    /// <summary>
    /// Bytes that a compressed message may inflate to for each of its bytes. Deflate itself allows 1,032, so that without this limit 1 KiB
    /// would cost the work of 1 MiB. Full messages of a gateway had a ratio of 1.4 to 25, and 87 with identities of 256 characters of which
    /// only the last 8 differ.
    /// </summary>
    public const int InflationRatio = 100;

    /// <summary>
    /// Bytes that a message may inflate to at any ratio: a user at its largest, even if its attributes are one long repetition.
    /// </summary>
    public const int InflatedBytesAtAnyRatio = 20 * 1024;

    /// <summary>
    /// KiB to which the compressed messages of a service instance, or of an API key, may inflate in a second, each at least 1: 100,000
    /// calls with small messages, and 30 messages of a stream at their largest.
    /// </summary>
    public const int InflatedKibPerSecond = 128 * 1024;

    /// <summary>
    /// The same for an end user: 4 messages of a stream at their largest, or 4,096 small ones. Inflating and reading them takes 2 us for
    /// each KiB, and so 1 % of a processor. Without this limit, calls within the quotas of an end user took a whole one.
    /// </summary>
    public const int InflatedKibPerSecondOfEndUser = 4 * 1024;

    /// <summary>
    /// Fields of a message on the wire, with those inside other fields, and entries of lists. A message of 1,000 heartbeats has 3,002. The
    /// rest is for fields that this version does not know. Without this limit, 1 MiB of empty fields would cost 20 ms.
    /// </summary>
    public const int FieldsPerMessage = 8_000;

    /// <summary>
    /// Entries of a list in which duplicates count once, or whose entries are checked one by one, on the wire: paths of an update mask,
    /// reasons of a watch, types of push bindings, names of webhook events.
    /// </summary>
    public const int ListedValues = 256;

    /// <summary>
    /// Bytes of incomplete messages and forms that a caller, or the callers of a service instance, may make the server hold: 32 messages of
    /// a stream at their largest, or 512 others. The frames of HTTP/2 return their window when they are examined, so without this limit
    /// each of thousands of streams could hold one.
    /// </summary>
    public const int IncompleteBytes = 32 * 1024 * 1024;

    /// <summary>The same for an end user: 4 messages of a stream at their largest, or 64 others.</summary>
    public const int IncompleteBytesOfEndUser = 4 * 1024 * 1024;

    /// <summary>
    /// Bytes of a form at most: percent-encoding makes three bytes of each byte of the longest profile, which is 54 KiB. Most operations
    /// accept less: the sum of their parameters.
    /// </summary>
    public const int FormBytes = 64 * 1024;

    /// <summary>Bytes of parameters in a form that its operation does not declare, which the server ignores.</summary>
    public const int UndeclaredFormBytes = 4 * 1024;

    /// <summary>Values of a form: several times what any operation reads.</summary>
    public const int FormValues = 256;

    /// <summary>Values of a query: the users of a watch, and several times its other parameters.</summary>
    public const int QueryValues = WatchedKeys + FormValues;

    /// <summary>Updates of one watch message.</summary>
    public const int WatchUpdatesPerMessage = 500;

    /// <summary>Bytes of a watch message, after which it is split; clients accept 4 MiB by default.</summary>
    public const int WatchMessageBytes = 1024 * 1024;

    /// <summary>Users that may be pending for a watcher. Beyond that, the watcher drops them and reads them from the store.</summary>
    public const int PendingUsersPerWatcher = 4096;

    /// <summary>
    /// A watcher up to this many batches behind still shares encoded messages, so that it costs no more than one that is up to date. Beyond
    /// that, its users are tracked one by one. A message holds many of them, so that the watcher can catch up.
    /// </summary>
    public const int SharedBatchesPerWatcher = 4;

    /// <summary>
    /// Commits of a service instance that are held until an earlier one arrives. Several nodes with full batches commit fewer in the time
    /// of <see cref="CommitPatience"/>. Beyond that, the store is read.
    /// </summary>
    public const int HeldCommits = 64;

    /// <summary>
    /// How long a commit is held until an earlier one of another node arrives: several times what a message between nodes takes. A read of
    /// the store costs more than this wait.
    /// </summary>
    public static readonly TimeSpan CommitPatience = TimeSpan.FromMilliseconds(20);

    /// <summary>
    /// Users that one page of a snapshot or catch-up reads: one short read. It is one message, or ten with the largest users.
    /// </summary>
    public const int WatchPageSize = 500;

    /// <summary>Users that one page of webhooks reads: an endpoint that lets each call time out holds a page for a minute.</summary>
    public const int WebhookPageSize = 100;

    /// <summary>
    /// Users of a service instance whose webhooks are sent at the same time: hides the round trip, and does not overload a small endpoint.
    /// </summary>
    public const int WebhooksAtOnce = 8;

    /// <summary>
    /// Connections to the webhook receivers of all service instances. Low limits of file descriptors lower it.
    /// </summary>
    public const int WebhookConnections = 512;

    /// <summary>
    /// Connections of one service instance before edits, and as many for events: somewhat more than the default quota of pending pre-event
    /// webhooks, because attempts to connect may overlap.
    /// </summary>
    public const int WebhookConnectionsPerUse = 64;

    /// <summary>
    /// Lookups of webhook receivers' names in flight. Each occupies a thread until the operating system gives up. Low limits of file
    /// descriptors lower it.
    /// </summary>
    public const int WebhookLookups = 128;

    /// <summary>Lookups in flight of one service instance before edits, and as many for events: for its URL, and the one before.</summary>
    public const int WebhookLookupsPerUse = 2;

    /// <summary>Consecutive failures, of different users, that open the circuit of a webhook endpoint. Fewer may be accidental.</summary>
    public const int WebhookFailuresToOpen = 5;

    /// <summary>
    /// Attempts to send a user's webhooks to an endpoint that fails them while it accepts others: about nine minutes, including the pauses.
    /// </summary>
    public const int WebhookTries = 10;

    /// <summary>
    /// Users of a service instance with failed webhooks. Beyond that, no others are tried until some are finished. About 2 MB.
    /// </summary>
    public const int MaxPendingWebhookUsers = 10_000;

    /// <summary>
    /// Users of a service instance for which the webhooks that were sent are remembered until a scan completes. About 6 MB.
    /// </summary>
    public const int MaxDeliveredWebhookUsers = 100_000;

    /// <summary>
    /// Maximum fraction by which a pause between webhook attempts is shortened, so that deliveries that failed together do not retry
    /// together.
    /// </summary>
    public const double WebhookBackoffJitter = 0.20;

    /// <summary>Commands of callers in one batch.</summary>
    public const int ChangesPerBatch = 2000;

    /// <summary>
    /// Background transitions (expiries, switching on) in one batch in addition to those, so that callers do not wait for a sweep.
    /// </summary>
    public const int BackgroundChangesPerBatch = 1000;

    /// <summary>How often a command is decided while other writers change what it depends on.</summary>
    public const int DecisionAttempts = 16;

    /// <summary>Rows that one call of the store purges.</summary>
    public const int RowsPerPurge = 1000;

    /// <summary>The minimum burst of any rate, however low: a client that starts makes a few calls together.</summary>
    public const int MinBurst = 10;

    /// <summary>
    /// Quota errors that one caller receives without delay in a second: a client that respects the retry delay makes fewer calls.
    /// </summary>
    public const int PromptRejectionsPerSecond = 50;

    /// <summary>Delayed quota errors of one caller at a time: each keeps a call of several kilobytes alive.</summary>
    public const int HeldRejections = 1000;

    /// <summary>
    /// Failed authentications of one network (an IPv4 address, or 64 bits of an IPv6 address) that are answered without delay in a second,
    /// after a burst of <see cref="MinBurst"/>: a client with wrong credentials that tries again every few seconds notices nothing.
    /// </summary>
    public const int PromptFailedAuthenticationsPerSecond = 1;

    /// <summary>Delayed answers to failed authentications of one network at a time. Beyond that, they are rejected at once.</summary>
    public const int HeldFailedAuthenticationsPerNetwork = 32;

    /// <summary>Delayed answers to failed authentications in all: about 10 MB.</summary>
    public const int HeldFailedAuthentications = 512;

    /// <summary>Networks whose failed authentications are remembered: about 3 MB.</summary>
    public const int FailedAuthenticationNetworks = 16_384;

    /// <summary>
    /// Rejected credentials that are remembered, so that clients that repeat them get the reason without another verification: about 2 MB.
    /// </summary>
    public const int RejectedCredentials = 16_384;

    /// <summary>Log entries about failed authentications of one network in a minute. The next entry has the number of all.</summary>
    public const int FailedAuthenticationEntriesPerNetwork = 1;

    /// <summary>Log entries about failed authentications of all networks in a minute.</summary>
    public const int FailedAuthenticationEntries = 2;

    /// <summary>How long the answer to a failed authentication waits when its network has failed too often.</summary>
    public static readonly TimeSpan FailedAuthenticationDelay = TimeSpan.FromSeconds(1);

    /// <summary>How long rejected credentials are remembered: clients that have wrong ones try again within seconds.</summary>
    public static readonly TimeSpan RejectedCredentialsLifetime = TimeSpan.FromMinutes(1);

    /// <summary>The minimum heartbeat interval. More than once a second per session is telemetry, not presence.</summary>
    public static readonly TimeSpan MinHeartbeatInterval = TimeSpan.FromSeconds(1);

    /// <summary>The longest session timeout.</summary>
    public static readonly TimeSpan MaxSessionTimeout = TimeSpan.FromHours(24);

    /// <summary>The longest debounce. A longer absence should be visible.</summary>
    public static readonly TimeSpan MaxOfflineDebounce = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long a heartbeat stream waits for the store before its oldest reply, when it has no room for another. A working store needs a
    /// fraction of it. While the store fails, the wait must not let leases expire.
    /// </summary>
    public static readonly TimeSpan HeartbeatReplyPatience = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How often the server stores that it runs. After a crash, a time that it derives from this is at most so much too early.
    /// </summary>
    public static readonly TimeSpan UptimeInterval = TimeSpan.FromSeconds(1);

    /// <summary>
    /// The longest time for which crashes one after the other can keep a user online that sends no heartbeat, without the session timeout.
    /// Long, because each user that stays online costs one write in <see cref="AliveInterval"/>.
    /// </summary>
    public static readonly TimeSpan MaxUnseen = TimeSpan.FromHours(1);

    /// <summary>
    /// How often the store learns that a user is still online. Shorter than <see cref="MaxUnseen"/> by the time that the writer may need.
    /// </summary>
    public static readonly TimeSpan AliveInterval = TimeSpan.FromMinutes(55);

    /// <summary>
    /// Up to this much earlier the store learns it, by the hash of the user, so that users that came online together are not written
    /// together.
    /// </summary>
    public static readonly TimeSpan AliveSpread = TimeSpan.FromMinutes(27);

    /// <summary>Users that one command marks as alive: a few milliseconds. One such command is queued at a time.</summary>
    public const int UsersPerAliveMark = 500;

    /// <summary>
    /// Deleted users of a service instance whose session ids stay ended for as long as their tombstones are kept: about 40 MB of memory.
    /// The sessions of further deleted users stay ended until their leases would have run out.
    /// </summary>
    public const int RememberedDeletedUsers = 100_000;

    /// <summary>The resolution of leases: they end up to this much late, never early.</summary>
    public static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// The maximum advance of the lease clock between two ticks, so that a paused process expires no lease. Half the minimum interval: a
    /// client with the shortest timeout whose heartbeat was due when the pause began can still renew its lease afterwards.
    /// </summary>
    public static readonly TimeSpan MaxTickAdvance = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// How long each lease lasts at least after the shard of its user was moved: a call waits 500 ms at the node that received it, and that
    /// node learns of the new holder at the latest 500 ms after the shard opened.
    /// </summary>
    public static readonly TimeSpan LeaseAfterMove = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How far the uptime of a node of a cluster may be behind that of another one: a node that is paused for 3 s stops, and it learns of
    /// the others' uptime several times a second. After a take-over, ended sessions are remembered for so much longer.
    /// </summary>
    public static readonly TimeSpan UptimeLag = TimeSpan.FromSeconds(5);

    /// <summary>How often an idle watch sends a progress message: below the 30 to 60 s after which proxies close idle streams.</summary>
    public static readonly TimeSpan ProgressInterval = TimeSpan.FromSeconds(15);

    /// <summary>The jitter of the progress interval, as a fraction.</summary>
    public const double ProgressJitter = 0.10;

    /// <summary>How long a watch lasts after its synced message, so that load is redistributed over servers.</summary>
    public static readonly TimeSpan WatchMaxAge = TimeSpan.FromMinutes(30);

    /// <summary>The jitter of a watch's age, as a fraction, so that streams opened together do not end together.</summary>
    public const double WatchMaxAgeJitter = 0.20;

    /// <summary>How long a watch with pending messages may make no progress; a setting overrides it.</summary>
    public static readonly TimeSpan WatchStallTimeout = TimeSpan.FromMinutes(2);

    /// <summary>
    /// How long a request's body may take to arrive: the whole body of a call with one message or of a REST request, and each message of a
    /// stream from its first byte. Kestrel's minimum rate of 240 bytes/s alone would let a message of 64 KiB take five minutes.
    /// </summary>
    public static readonly TimeSpan RequestBodyTime = TimeSpan.FromSeconds(10);

    /// <summary>How long a reflection stream may be without a request. Tools send theirs one after the other.</summary>
    public static readonly TimeSpan PublicStreamIdle = TimeSpan.FromSeconds(30);

    /// <summary>The calls of an API key that may be open on HTTP/2 connections: its 20,000 streams, and 10,000 other calls.</summary>
    public const int OpenRequests = 30_000;

    /// <summary>The same for an end user: 20 streams, 100 reads, and others.</summary>
    public const int OpenRequestsOfEndUser = 200;

    /// <summary>
    /// The bytes of responses to reads that the clients of a service instance, or of an API key, may leave unread: 64 of the largest pages.
    /// </summary>
    public const int UnreadResponseBytes = 64 * 1024 * 1024;

    /// <summary>The same for an end user: eight of the largest pages.</summary>
    public const int UnreadResponseBytesOfEndUser = 8 * 1024 * 1024;

    /// <summary>
    /// How long a unary request over HTTP/2 may take until its client has read the response: several times what the slowest call waits for,
    /// a back end that is asked before an edit. A page of 3 MiB needs a network with 50 KiB/s.
    /// </summary>
    public static readonly TimeSpan UnaryRequest = TimeSpan.FromMinutes(1);

    /// <summary>How long a heartbeat stream may take to send its first message.</summary>
    public static readonly TimeSpan HeartbeatStreamStart = TimeSpan.FromSeconds(10);

    /// <summary>How long the tombstone of a deleted user is kept; a setting overrides it.</summary>
    public static readonly TimeSpan TombstoneRetention = TimeSpan.FromDays(30);

    /// <summary>
    /// The longest time for which the old secret of a rotated API key is accepted beside the new one. A longer overlap would keep a secret
    /// that was meant to be replaced.
    /// </summary>
    public static readonly TimeSpan MaxRotationOverlap = TimeSpan.FromDays(30);

    /// <summary>
    /// Minimum delay of a quota error once a caller has received the undelayed ones of a second. A loop of calls then makes at most one
    /// call a second.
    /// </summary>
    public static readonly TimeSpan RejectionDelay = TimeSpan.FromSeconds(1);

    /// <summary>Maximum delay of a quota error. Delays vary, so that calls that were rejected together do not retry together.</summary>
    public static readonly TimeSpan MaxRejectionDelay = 2 * RejectionDelay;

    /// <summary>
    /// How long a read over its quota waits before it is rejected. A client that lists page by page waits less for each, so that it only
    /// becomes slower.
    /// </summary>
    public static readonly TimeSpan MaxReadDelay = TimeSpan.FromSeconds(1);

    /// <summary>
    /// The shortest retry delay that an error asks for: a high rate may have room within microseconds, but a call over the network takes
    /// about this long.
    /// </summary>
    public static readonly TimeSpan MinQuotaRetry = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// The retry delay of an error where the time of free capacity is unknown, because watches must be closed or users deleted first.
    /// </summary>
    public static readonly TimeSpan LevelQuotaRetry = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How often idle usage counters are dropped. A million users with a heartbeat every 30 s leave a third of a million of them in that
    /// time, at about 350 bytes each.
    /// </summary>
    public static readonly TimeSpan MeterSweepInterval = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How often a node reports to the home owners what it needs of the quotas that it borrows, and how often unanswered messages are
    /// repeated. A quota follows the load within two of these. A thousand tenants on a node take about 100 KB/s.
    /// </summary>
    public static readonly TimeSpan QuotaReportInterval = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How long a node keeps its share of a quota that no call has used. Many back ends send something once a minute, and should find their
    /// share then. Meanwhile other nodes get what they need of it. A subject costs a node about 1 KB, and 100 bytes a second.
    /// </summary>
    public static readonly TimeSpan IdleQuotaShare = TimeSpan.FromMinutes(5);

    /// <summary>
    /// How long calls wait for the first share of a quota after the first of them. A share takes two round trips if another node has to
    /// return it, a few milliseconds. After that the home owner is away, and the node uses 1 of each quota.
    /// </summary>
    public static readonly TimeSpan FirstShareWait = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// How long a home owner waits for the answer of a node about the shares that it holds. A node that died leaves the view sooner. A node
    /// that is silent for longer is one that the home owner cannot reach although others can. The others need shares meanwhile.
    /// </summary>
    public static readonly TimeSpan QuotaAnswerWait = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long a refused stream counts as demand: until its client has tried again, after <see cref="LevelQuotaRetry"/> and two reports.
    /// </summary>
    public static readonly TimeSpan RefusedLevelDemand = LevelQuotaRetry + (2 * QuotaReportInterval);

    /// <summary>Subjects in one message about shares of quotas: about 100 KB, so that such messages delay no heartbeat.</summary>
    public const int QuotaSubjectsPerMessage = 1000;

    /// <summary>
    /// A share that would change by less than one part in so many stays as it is: load varies a little in each second, and a message for
    /// each change would be waste.
    /// </summary>
    public const int QuotaShareTolerance = 16;

    /// <summary>
    /// The retry delay where webhooks use up a quota: answers of endpoints usually make room within a second.
    /// </summary>
    public static readonly TimeSpan WebhookQuotaRetry = TimeSpan.FromSeconds(1);

    /// <summary>The pause after webhooks that were not sent, because the server had no capacity.</summary>
    public static readonly TimeSpan WebhookDeferral = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How long a planned move of a home shard waits for webhook requests in flight: the five seconds that an endpoint has for its answer,
    /// and one to store the position.
    /// </summary>
    public static readonly TimeSpan WebhookDrain = TimeSpan.FromSeconds(6);

    /// <summary>The first pause after failed webhooks. It doubles up to <see cref="MaxWebhookBackoff"/>.</summary>
    public static readonly TimeSpan MinWebhookBackoff = TimeSpan.FromSeconds(1);

    /// <summary>
    /// The longest pause between two attempts, and so the longest that a recovered endpoint waits for the webhooks that it missed.
    /// </summary>
    public static readonly TimeSpan MaxWebhookBackoff = TimeSpan.FromMinutes(5);

    /// <summary>
    /// Starts of a store on PostgreSQL whose resume tokens stay valid: almost three years with one start a day. Older tokens get a reset.
    /// </summary>
    public const int KeptTimelines = 1000;

    /// <summary>The first pause of the writer after a storage error. It doubles up to <see cref="MaxStorageBackoff"/>.</summary>
    public static readonly TimeSpan MinStorageBackoff = TimeSpan.FromMilliseconds(50);

    /// <summary>The longest pause of the writer between two attempts, and so the longest that a caller waits for the error.</summary>
    public static readonly TimeSpan MaxStorageBackoff = TimeSpan.FromSeconds(2);

    /// <summary>
    /// V: how long a peer that confirmed a node takes no part in its eviction, and how old the last renewal of an evicted node is at least.
    /// The users of a node that died wait this long. A renewal survives a pause of most of it.
    /// </summary>
    public static readonly TimeSpan Confirmation = TimeSpan.FromSeconds(1);

    /// <summary>
    /// The part of <see cref="Confirmation"/> that the confirmed node itself does not count. The clocks of two machines may differ in
    /// speed: time synchronization slews a clock by up to 0.05 %, and this is 1 %.
    /// </summary>
    public static readonly TimeSpan ConfirmationMargin = TimeSpan.FromMilliseconds(10);

    /// <summary>
    /// How often a node renews its confirmation. Three attempts in a row may fail. Also how long the store may be silent before the node
    /// asks its peers, and how often votes are asked for.
    /// </summary>
    public static readonly TimeSpan ConfirmationRenewal = TimeSpan.FromMilliseconds(250);

    /// <summary>
    /// How long after its last confirmation a node stops: until then it may become confirmed again, so that a short fault of the network
    /// ends no streams.
    /// </summary>
    public static readonly TimeSpan ConfirmationLoss = 3 * Confirmation;

    /// <summary>
    /// How long peers alone may confirm a node after its last renewal by the store: a restart or a fail-over of PostgreSQL, which takes up
    /// to a minute. A dead node that no majority can vote against is evicted <see cref="Confirmation"/> later.
    /// </summary>
    public static readonly TimeSpan PeerConfirmation = TimeSpan.FromSeconds(120);

    /// <summary>
    /// How long an eviction goes on without news of the lease from the store: ten polls. Without the store, nobody can be evicted.
    /// </summary>
    public static readonly TimeSpan EvictionAttempt = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Items of a batch between two nodes. Batches of 100 cost 0.15 us for each item on both sides together, these 0.08 us.
    /// </summary>
    public const int LinkBatchItems = 1000;

    /// <summary>Bytes of a batch between two nodes, unless its only item is larger: what a network of 1 Gbit/s sends in 10 ms.</summary>
    public const int LinkBatchBytes = 1024 * 1024;

    /// <summary>Items that wait for another node: the heartbeats of a million users with an interval of 30 s in three seconds.</summary>
    public const int LinkQueueItems = 100_000;

    /// <summary>Bytes of the items that wait for another node: 600 for each of the largest number of items.</summary>
    public const int LinkQueueBytes = 64 * 1024 * 1024;

    /// <summary>
    /// How long a node waits for the acknowledgement of a batch before it sends the batch again. Longer than most collections of garbage,
    /// and a fraction of the deadline of a forwarded heartbeat, which is 1 to 2 s.
    /// </summary>
    public static readonly TimeSpan LinkResend = TimeSpan.FromMilliseconds(250);

    /// <summary>How often the items of a link are searched for expired ones, because a search reads the whole queue.</summary>
    public static readonly TimeSpan LinkExpiry = TimeSpan.FromMilliseconds(50);

    /// <summary>
    /// How long a call waits for the owner of its shard: as long as a planned move of the shard takes at most. After that the client gets
    /// OwnerUnavailable.
    /// </summary>
    public static readonly TimeSpan OwnerWait = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// How long an ingress waits for the result of a call at another node. Longer than a confirmation lasts, so that a node that was paused
    /// for as long as it may be can still answer.
    /// </summary>
    public static readonly TimeSpan ForwardedCall = TimeSpan.FromSeconds(2);

    /// <summary>
    /// For how long the ingress of a heartbeat stream sends its close to nodes that it cannot reach, and to those that appear: much longer
    /// than a fault of the network that stops no node. After that the sessions of the stream live until their leases end.
    /// </summary>
    public static readonly TimeSpan StreamCloseWait = TimeSpan.FromMinutes(1);

    /// <summary>
    /// For how long each node remembers the close of a heartbeat stream: until the last node has got it, and until a heartbeat and a
    /// hand-over have arrived that were sent before. Remembering 200,000 closes takes 60 MB.
    /// </summary>
    public static readonly TimeSpan StreamCloseMemory = StreamCloseWait + (2 * ForwardedCall);

    /// <summary>
    /// How long the view of a node may lack a node to which clients have opened heartbeat streams: a new one may not be in it yet. After
    /// that its streams are forgotten.
    /// </summary>
    public static readonly TimeSpan IngressAbsence = TimeSpan.FromMinutes(1);

    /// <summary>
    /// Messages that a node takes in one step, users of closed heartbeat streams included, and closes that it sends to another node: a
    /// millisecond, so that many of them delay no renewal of a <see cref="Confirmation"/>. The next step follows at once.
    /// </summary>
    public const int MessagesAtOnce = 1000;

    /// <summary>
    /// The retry delay of a call whose owner is not available: a take-over and a move take longer than a call over the network.
    /// </summary>
    public static readonly TimeSpan OwnerRetry = TimeSpan.FromMilliseconds(250);

    /// <summary>
    /// Shards that a node hands over at the same time. Each takes a few milliseconds and a commit, and calls for its users wait meanwhile.
    /// </summary>
    public const int HandOversAtOnce = 8;

    /// <summary>
    /// Users of a hand-over that are on the way at the same time: some hundred KiB. The receiver confirms each page, so a large shard moves
    /// as fast as the link and the receiver are, and leaves room on the link.
    /// </summary>
    public const int HandOverWindow = 800;

    /// <summary>The pause after a hand-over that was given up: the receiver, the network or the own writer may need a moment.</summary>
    public static readonly TimeSpan HandOverPause = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Shards that a node reads from the store at the same time to take them over: half as many as a server has connections for reads,
    /// which callers use as well.
    /// </summary>
    public const int LoadsAtOnce = 8;

    /// <summary>
    /// Users of shards that one step of a node opens or seals, apart from those of the last shard. During a step, the node takes no message
    /// and renews nothing, and its confirmation lasts for <see cref="Confirmation"/>. In a node with a million users, 2,000 take 0.7 ms.
    /// </summary>
    public const int UsersPerStep = 2_000;

    /// <summary>
    /// Shards that one step of a node begins to load, opens, or seals, even if they have few users. Each walks a part of all tracked users,
    /// which takes 0.3 ms in a node with a million: less than <see cref="NodeStep"/> for all of them.
    /// </summary>
    public const int ShardsPerStep = 128;

    /// <summary>
    /// How long a node waits before it asks the store again what has just failed, or what would have the same answer. As often as it renews
    /// its confirmation.
    /// </summary>
    public static readonly TimeSpan StoreRetry = TimeSpan.FromMilliseconds(250);

    /// <summary>
    /// How often a node does what is due. A fifth of <see cref="ConfirmationRenewal"/>, so that a renewal is late by little.
    /// </summary>
    public static readonly TimeSpan NodeStep = TimeSpan.FromMilliseconds(50);

    /// <summary>
    /// How often a node sends the others what it watches. It sends a change at once, and this replaces a message that was lost.
    /// </summary>
    public static readonly TimeSpan NodeStatusInterval = TimeSpan.FromMilliseconds(250);

    /// <summary>
    /// How often the loop of a node takes its status, so that any thread can read it without the loop: fresh enough for a person, and for
    /// what shows that the loop is stuck.
    /// </summary>
    public static readonly TimeSpan NodeReadInterval = TimeSpan.FromMilliseconds(250);

    /// <summary>
    /// Entries of a list in the status of a node, such as the shards that are not open. All of them would fill the screen.
    /// </summary>
    public const int StatusEntries = 20;

    /// <summary>
    /// How long a call of the store of a cluster may take at most. Twice the 5 s after which PostgreSQL ends a statement: the client must
    /// notice by itself that nothing comes back any more, and may first need a new connection.
    /// </summary>
    public static readonly TimeSpan StoreCall = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long a node that leaves goes on after it has given its last shard away. By then each other node has learned who holds the
    /// shards, with its next poll at the latest, and what was on the way is answered.
    /// </summary>
    public static readonly TimeSpan LeaveDelay = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How often a node reads a service instance again at most, because the owner of a user does not know the one that it has cached. Its
    /// SID may have passed to a later one. A poll shows that as well, but later. So calls to a service instance that was deleted read twice
    /// a second at most, however many they are.
    /// </summary>
    public static readonly TimeSpan ServiceReread = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// How long a node that was asked to leave goes on at most. Giving all shards away takes a few seconds, and up to 6 s more while
    /// webhook requests end; a store that is slow or away can make it last without end. Then the node ends, and the others evict it, as if
    /// it had died. Shorter than the 30 s that Kubernetes gives a process to stop.
    /// </summary>
    public static readonly TimeSpan LeaveTime = TimeSpan.FromSeconds(20);

    /// <summary>
    /// How long the store must not have answered a node before the others give it no shard. Longer than a fail-over of the connection, and
    /// much shorter than the time for which a node without the store can live.
    /// </summary>
    public static readonly TimeSpan StoreAbsence = TimeSpan.FromSeconds(3);

    /// <summary>
    /// How often a node asks the store what has changed, so that it learns of each change within a second. It costs 0.5 % of a core for
    /// 1,000 cached service instances.
    /// </summary>
    public static readonly TimeSpan StorePollInterval = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// How far the wall clock of a node may be from the store's. Access tokens expire by it, which last for minutes. Clocks that are
    /// synchronized differ by milliseconds.
    /// </summary>
    public static readonly TimeSpan ClockDifference = TimeSpan.FromSeconds(5);
}

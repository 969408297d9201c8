namespace GrpcPresence.Core.Domain;

/// <summary>Every bound of the service, each with its reason. Lengths of texts are bytes of UTF-8.</summary>
public static class Limits
{
    /// <summary>Bytes of an identity: room for an e-mail address (254) or a URN.</summary>
    public const int IdentityBytes = 256;

    /// <summary>Bytes of a friendly name: what the REST interface of the seed document allows.</summary>
    public const int FriendlyNameBytes = 256;

    /// <summary>Bytes of attributes: a profile, not a document; 500 of them fit two watch messages.</summary>
    public const int AttributesBytes = 4096;

    /// <summary>Nesting of attributes: deeper objects are accidents, and parsers of clients recurse.</summary>
    public const int AttributesDepth = 32;

    /// <summary>Bytes of a push endpoint: Web Push URLs reach several hundred.</summary>
    public const int EndpointBytes = 1024;

    /// <summary>Bytes of the URL of a webhook: what proxies and servers take in a request line for certain.</summary>
    public const int WebhookUrlBytes = 2048;

    /// <summary>Characters of the name of a webhook event: twice the longest that there is.</summary>
    public const int WebhookEventLength = 64;

    /// <summary>Webhook events that a service instance may name: twice as many as there are names known to be written.</summary>
    public const int WebhookFilters = 50;

    /// <summary>Bytes of the template of a notification: push services take 4 KiB for all of a message.</summary>
    public const int NotificationTemplateBytes = 1024;

    /// <summary>Bytes of the name of a notification's sound: the name of a file.</summary>
    public const int NotificationSoundBytes = 256;

    /// <summary>Users that one list of push bindings may name beside user_key: each is looked up before the page is read.</summary>
    public const int ListedBindingUsers = 50;

    /// <summary>Characters of a session id: a GUID takes 36, 256 random bits in base64url take 43.</summary>
    public const int SessionIdLength = 64;

    /// <summary>Push bindings of one user: devices of a person; more are tokens that nobody deletes.</summary>
    public const int BindingsPerUser = 50;

    /// <summary>API keys in force of one scope, a service instance or the whole deployment: more are keys that nobody revokes. All are held in memory.</summary>
    public const int ApiKeysPerScope = 1000;

    /// <summary>Revoked API keys of one scope that are remembered: the one that was revoked first makes room, so that making and revoking keys costs no more.</summary>
    public const int RevokedApiKeysPerScope = 1000;

    /// <summary>Streams that need no credentials, of health and reflection, open at the same time: probes and tools take a few, and nobody is charged for them.</summary>
    public const int PublicStreams = 1000;

    /// <summary>Bytes of a name of a client certificate: a SPIFFE ID has at most 2048 by its specification, a DNS name 253.</summary>
    public const int CertificateNameBytes = 2048;

    /// <summary>Callers whose credentials are known to be right, so that they are not verified anew at each call: with access tokens of 450 characters, some 60 MB.</summary>
    public const int CachedCallers = 50_000;

    /// <summary>Characters of credentials that are kept for that; longer ones are verified at each call.</summary>
    public const int CachedCredentialsLength = 1024;

    /// <summary>Live sessions of one user: the least recently renewed makes room, so that a client which makes a new id for each heartbeat costs no more.</summary>
    public const int SessionsPerUser = 32;

    /// <summary>Ended session ids remembered for one user: the one that would be forgotten first makes room.</summary>
    public const int EndedSessionsPerUser = 64;

    /// <summary>Entries of a page when the request names no size.</summary>
    public const int DefaultPageSize = 50;

    /// <summary>Entries of a page at the most: about 2.5 MiB of full users at their largest.</summary>
    public const int MaxPageSize = 500;

    /// <summary>Keys of a BatchGetUsers: one page.</summary>
    public const int BatchGetKeys = 500;

    /// <summary>Users that one watch may name: each costs an index entry; beyond that, watching everybody is cheaper.</summary>
    public const int WatchedKeys = 1000;

    /// <summary>Entries of one heartbeat stream message: read and renewed in well under a tick.</summary>
    public const int BeatsPerMessage = 1000;

    /// <summary>Replies of a heartbeat stream that may wait for the store: bounds what one stream holds.</summary>
    public const int OutstandingHeartbeatReplies = 16;

    /// <summary>Bytes of a received message: 1000 beats at their largest take about a third.</summary>
    public const int ReceivedMessageBytes = 1024 * 1024;

    /// <summary>Bytes of a form: each byte of the longest profile takes three when it is percent-encoded, and there is room for as much again.</summary>
    public const int FormBytes = 64 * 1024;

    /// <summary>Values of a form: all that any operation reads, several times over.</summary>
    public const int FormValues = 256;

    /// <summary>Updates of one watch message.</summary>
    public const int WatchUpdatesPerMessage = 500;

    /// <summary>Bytes of a watch message, after which it is cut; clients accept 4 MiB by default.</summary>
    public const int WatchMessageBytes = 1024 * 1024;

    /// <summary>Users that a watcher may owe its client before it drops them and reads them from the store.</summary>
    public const int PendingUsersPerWatcher = 4096;

    /// <summary>
    /// Batches that a watcher owes as all others do, one message or more for each: some, so that who is a batch behind costs no more than who is not. With
    /// more it owes the users by themselves, of whom a message takes many, so that who is late catches up.
    /// </summary>
    public const int SharedBatchesPerWatcher = 4;

    /// <summary>Users that one page of a snapshot or catch-up reads: one message, one short read transaction.</summary>
    public const int WatchPageSize = 500;

    /// <summary>Users that one page of webhooks reads: a receiver that lets each time out holds a page for a minute.</summary>
    public const int WebhookPageSize = 100;

    /// <summary>Users of a service instance whose webhooks are sent at the same time: what hides the round trip to a receiver, and what a small one can bear.</summary>
    public const int WebhooksAtOnce = 8;

    /// <summary>Failures in a row, of different users, after which a receiver is taken for dead: fewer are accidents.</summary>
    public const int WebhookFailuresToOpen = 5;

    /// <summary>How often webhooks of a user are tried that a receiver fails while it takes others: with the pauses between them, for some nine minutes.</summary>
    public const int WebhookTries = 10;

    /// <summary>Users of a service instance whose webhooks failed; before more are tried some must be done with. Some 2 MB.</summary>
    public const int OwedWebhookUsers = 10_000;

    /// <summary>Users of a service instance of whom it is remembered, until a scan has reached its end, what webhooks told of them. Some 6 MB.</summary>
    public const int ToldWebhookUsers = 100_000;

    /// <summary>How far a pause of webhooks is shortened at the most, as a fraction, so that what failed together does not come back together.</summary>
    public const double WebhookBackoffJitter = 0.20;

    /// <summary>Changes that one transaction takes from callers.</summary>
    public const int ChangesPerBatch = 2000;

    /// <summary>Background transitions (expiries, switching on) that one transaction takes beside them, so that callers do not wait for a sweep.</summary>
    public const int BackgroundChangesPerBatch = 1000;

    /// <summary>Rows that one transaction purges.</summary>
    public const int RowsPerPurge = 1000;

    /// <summary>What a rate allows at once at the least, however low it is: a client that starts makes a few calls together.</summary>
    public const int MinBurst = 10;

    /// <summary>PresenceErrors for want of a quota that one caller is answered at once in a second: a client that waits as it is told makes fewer.</summary>
    public const int PromptRefusalsPerSecond = 50;

    /// <summary>PresenceErrors of one caller that are held back at a time: each keeps a call of some kilobytes alive.</summary>
    public const int HeldRefusals = 1000;

    /// <summary>The least heartbeat interval: once a second and session is telemetry, not presence.</summary>
    public static readonly TimeSpan MinHeartbeatInterval = TimeSpan.FromSeconds(1);

    /// <summary>The longest session timeout.</summary>
    public static readonly TimeSpan MaxSessionTimeout = TimeSpan.FromHours(24);

    /// <summary>The longest debounce; longer absences are absences.</summary>
    public static readonly TimeSpan MaxOfflineDebounce = TimeSpan.FromSeconds(30);

    /// <summary>How long the oldest reply of a heartbeat stream may wait for the store when there is no room for another: a store that works takes a fraction of that, and of one that does not nobody's lease may run out.</summary>
    public static readonly TimeSpan HeartbeatReplyPatience = TimeSpan.FromSeconds(1);

    /// <summary>The resolution of leases: they end at most this much late, never early.</summary>
    public static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// What the lease clock advances at the most between two ticks, so that a paused process ages nobody: half the least interval, so that also a client
    /// whose heartbeat was due when the pause began, and who has the shortest timeout there is, gets it through afterwards.
    /// </summary>
    public static readonly TimeSpan MaxTickAdvance = TimeSpan.FromMilliseconds(500);

    /// <summary>How often a silent watch says that it is alive: below the 30 to 60 s after which proxies drop idle streams.</summary>
    public static readonly TimeSpan ProgressInterval = TimeSpan.FromSeconds(15);

    /// <summary>How far the progress interval is spread, as a fraction.</summary>
    public const double ProgressJitter = 0.10;

    /// <summary>How long a watch lasts after its synced message, so that load spreads over servers again.</summary>
    public static readonly TimeSpan WatchMaxAge = TimeSpan.FromMinutes(30);

    /// <summary>How far the age of a watch is spread, as a fraction, so that streams opened together do not end together.</summary>
    public const double WatchMaxAgeJitter = 0.20;

    /// <summary>How long a watch may make no progress while something is to be sent, unless the settings say otherwise.</summary>
    public static readonly TimeSpan WatchStallTimeout = TimeSpan.FromMinutes(2);

    /// <summary>How long a stream of heartbeats may take to say what it is for.</summary>
    public static readonly TimeSpan HeartbeatStreamStart = TimeSpan.FromSeconds(10);

    /// <summary>How long the tombstone of a deleted user is kept, unless the settings say otherwise.</summary>
    public static readonly TimeSpan TombstoneRetention = TimeSpan.FromDays(30);

    /// <summary>The longest time for which the old secret of a rotated API key may count beside the new one: a rotation that takes longer is none.</summary>
    public static readonly TimeSpan MaxRotationOverlap = TimeSpan.FromDays(30);

    /// <summary>How long a refusal is held back at least when a caller makes more than are answered at once: who calls in a loop makes no turn more a second.</summary>
    public static readonly TimeSpan RefusalHold = TimeSpan.FromSeconds(1);

    /// <summary>How long at the most: each refusal is held for another time, so that calls that were refused together do not come back together.</summary>
    public static readonly TimeSpan MaxRefusalHold = 2 * RefusalHold;

    /// <summary>The shortest wait that a refusal asks for, though a high rate may have room within microseconds: a call over the wire takes about as long.</summary>
    public static readonly TimeSpan MinQuotaRetry = TimeSpan.FromMilliseconds(100);

    /// <summary>The wait that a refusal asks for where nobody knows when there will be room, because watches must be closed or users deleted first.</summary>
    public static readonly TimeSpan LevelQuotaRetry = TimeSpan.FromSeconds(10);

    /// <summary>How often meters that are idle are dropped: a million users who beat every 30 s leave a third of a million of them in that time, at about 350 bytes.</summary>
    public static readonly TimeSpan MeterSweepInterval = TimeSpan.FromSeconds(10);

    /// <summary>The first pause after webhooks failed; it doubles up to <see cref="MaxWebhookBackoff"/>.</summary>
    public static readonly TimeSpan MinWebhookBackoff = TimeSpan.FromSeconds(1);

    /// <summary>The longest pause between two tries, and so the longest that a receiver which is back waits for what it missed.</summary>
    public static readonly TimeSpan MaxWebhookBackoff = TimeSpan.FromMinutes(5);

    /// <summary>The first pause of the writer after a storage fault; it doubles up to <see cref="MaxStorageBackoff"/>.</summary>
    public static readonly TimeSpan MinStorageBackoff = TimeSpan.FromMilliseconds(50);

    /// <summary>The longest pause of the writer between two tries, and so the longest that a caller waits for a refusal.</summary>
    public static readonly TimeSpan MaxStorageBackoff = TimeSpan.FromSeconds(2);
}

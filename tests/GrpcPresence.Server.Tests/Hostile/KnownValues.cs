using System.Globalization;
using Google.Protobuf.Reflection;

namespace GrpcPresence.Server.Tests.Hostile;

/// <summary>Values that the server knows or accepts, so that requests pass the first checks. Each round has its own set.</summary>
internal sealed class KnownValues
{
    public const string Service = "IS00000000000000000000000000000001";
    public const string ForeignService = "IS00000000000000000000000000000002";
    public const int Users = 40;

    private const int Sessions = 200;
    private const int Endpoints = 120;
    private const int NewUsers = 100;
    private const int ExpendableServices = 8;

    private static readonly string[] UserPaths = ["friendly_name", "attributes", "role_sid"];

    private static readonly string[] ConfigurationPaths =
        [
            "reachability_enabled", "session_timeout", "heartbeat_interval",
            "offline_debounce", "auto_create_users", "default_service_role_sid",
        ];

    private static readonly string[] WebhookPaths = ["pre_webhook_url", "post_webhook_url", "filters", "method"];

    private static readonly string[] NotificationPaths =
        ["log_enabled", "new_message", "new_message.with_media.template", "added_to_conversation.enabled", "removed_from_conversation"];

    private static readonly string[] Symbols =
        ["presence.v1.User", "presence/v1/user.proto", "grpc.health.v1.Health", "google.protobuf.Any", "*"];

    public List<string> UserSids { get; } = [];

    public List<string> BindingSids { get; } = [];

    public List<string> PageTokens { get; } = [""];

    public List<string> ResumeTokens { get; } = [""];

    public List<string> Etags { get; } = [];

    public static string Identity(int number) => string.Create(CultureInfo.InvariantCulture, $"user-{number}");

    /// <summary>Returns a text that the field may hold.</summary>
    public string Text(FieldDescriptor field, MethodDescriptor method, Random random) => field.Name switch
    {
        "service_sid" => ServiceOf(method, random),
        "sid" when field.ContainingType.Name == "User" => Pick(UserSids, random),
        "sid" => ServiceOf(method, random),
        "identity" when field.ContainingType.Name == "User" => "", // the SID identifies the user
        "identity" => method.Name == "CreateUser" ? $"new-{random.Next(NewUsers)}" : Identity(random.Next(Users)),
        "user_key" or "user_keys" => random.Next(3) == 0 ? Pick(UserSids, random) : Identity(random.Next(Users)),
        "session_id" => $"s{random.Next(Sessions)}",
        "push_binding_sid" => Pick(BindingSids, random),
        "endpoint" => $"endpoint-{random.Next(Endpoints)}",
        "page_token" => Pick(PageTokens, random),
        "resume_token" => Pick(ResumeTokens, random),
        "etag" => random.Next(4) == 0 ? Pick(Etags, random) : "",
        "attributes" => """{"a":[1,{"b":"c"}]}""",
        "pre_webhook_url" or "post_webhook_url" => "http://127.0.0.1:9/",
        "filters" => random.Next(2) == 0 ? "onUserAdded" : "onUserUpdated",
        "paths" => Pick(PathsOf(method), random),
        "service" => "presence.v1.UserService",
        "file_by_filename" or "file_containing_symbol" => Symbols[random.Next(Symbols.Length)],
        var name when name.EndsWith("role_sid", StringComparison.Ordinal) => "RL00000000000000000000000000000001",
        _ => "text",
    };

    // A flipped bit cannot create or delete the service instance of the round, or change its settings.
    private static string ServiceOf(MethodDescriptor method, Random random) => method.Name switch
    {
        "CreateServiceInstance" or "DeleteServiceInstance" => $"ISffffffffffffffffffffffffffffff{random.Next(ExpendableServices):x2}",
        "UpdateConfiguration" => ForeignService,
        _ => Service,
    };

    private static string[] PathsOf(MethodDescriptor method) => method.Name switch
    {
        "UpdateUser" => UserPaths,
        "UpdateConfiguration" => ConfigurationPaths,
        "UpdateWebhookConfiguration" => WebhookPaths,
        "UpdateNotificationConfiguration" => NotificationPaths,
        _ => ["friendly_name"],
    };

    private static string Pick(IReadOnlyList<string> values, Random random) => values[random.Next(values.Count)];
}

using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using GrpcPresence.Server.Grpc.Services;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Services;

public class NotificationConfigurationTests
{
    /// <summary>Starts the server that the tests call. Those of a cluster call one of its nodes.</summary>
    private protected virtual Task<TestServer> StartAsync() => TestServer.StartAsync();

    [Fact]
    public async Task Notification_settings_that_were_never_set_are_the_defaults()
    {
        await using var server = await StartAsync();
        var sid = await server.CreateServiceAsync();

        Assert.Equal(Defaults(sid), await GetAsync(server, sid));
    }

    [Fact]
    public async Task Each_path_changes_only_its_field()
    {
        await using var server = await StartAsync();
        var sid = await server.CreateServiceAsync();
        var full = Full(sid);
        var leaves = UpdateMasks.NotificationConfiguration.Writable
            .Where(path => !UpdateMasks.NotificationConfiguration.Writable.Any(other =>
                other.StartsWith(path + ".", StringComparison.Ordinal)));
        var expected = Defaults(sid);
        foreach (var path in leaves)
        {
            var updated = await UpdateAsync(server, full, path);

            Assert.NotEqual(expected, updated);
            new FieldMask { Paths = { path } }.Merge(full, expected);
            Assert.Equal(expected, updated);
            Assert.Equal(expected, await GetAsync(server, sid));
        }
        Assert.Equal(full, expected);
    }

    [Fact]
    public async Task A_field_takes_its_default_where_the_mask_names_it_and_the_message_does_not()
    {
        await using var server = await StartAsync();
        var sid = await server.CreateServiceAsync();
        await UpdateAsync(server, Full(sid), [.. UpdateMasks.NotificationConfiguration.Writable]);
        var expected = Full(sid);
        expected.LogEnabled = false;
        expected.NewMessage.WithMedia.Enabled = false;
        expected.NewMessage.Sound = "";

        Assert.Equal(
            expected,
            await UpdateAsync(
                server, new NotificationConfiguration { ServiceSid = sid }, "log_enabled", "new_message.with_media.enabled",
                    "new_message.sound"));
    }

    [Fact]
    public async Task A_path_of_a_message_stands_for_all_of_its_fields()
    {
        await using var server = await StartAsync();
        var sid = await server.CreateServiceAsync();
        await UpdateAsync(server, Full(sid), "new_message", "added_to_conversation");
        var given = new NotificationConfiguration { ServiceSid = sid, NewMessage = new NewMessageNotification { Sound = "gong" } };

        var updated = await UpdateAsync(server, given, "new_message", "removed_from_conversation");

        Assert.Equal(new NewMessageNotification { Sound = "gong", WithMedia = new MediaNotification() }, updated.NewMessage);
        Assert.Equal(Full(sid).AddedToConversation, updated.AddedToConversation);
        Assert.Equal(new MembershipNotification(), updated.RemovedFromConversation);
        Assert.Equal(new MediaNotification(), (await UpdateAsync(server, given, "new_message.with_media")).NewMessage.WithMedia);
    }

    [Theory]
    [InlineData("new_message", "new_message.template", "new_message.sound", "new_message.with_media.template")]
    [InlineData("new_message.with_media", "new_message.with_media.template")]
    [InlineData("new_message.sound", "new_message.sound")]
    [InlineData("added_to_conversation", "added_to_conversation.template", "added_to_conversation.sound")]
    [InlineData("removed_from_conversation", "removed_from_conversation.template", "removed_from_conversation.sound")]
    [InlineData("removed_from_conversation.enabled")]
    public async Task The_error_lists_every_text_that_is_too_long_and_named_by_the_mask(string path, params string[] fields)
    {
        await using var server = await StartAsync();
        var (template, sound) = (new string('x', 1025), new string('x', 257));
        var membership = new MembershipNotification { Template = template, Sound = sound };
        var given = new NotificationConfiguration
        {
            ServiceSid = await server.CreateServiceAsync(),
            NewMessage = new NewMessageNotification
            {
                Template = template,
                Sound = sound,
                WithMedia = new MediaNotification { Template = template }
            },
            AddedToConversation = membership,
            RemovedFromConversation = membership,
        };

        if (fields.Length == 0)
        {
            await UpdateAsync(server, given, path);
            return;
        }
        var error = await CallError.Of(() => UpdateAsync(server, given, path));
        Assert.Equal((StatusCode.InvalidArgument, "FIELD_TOO_LONG"), (error.Code, error.Reason));
        Assert.Equal(fields.Select(field => "notification_configuration." + field), error.Fields);
    }

    [Fact]
    public async Task A_request_without_settings_or_mask_is_rejected()
    {
        await using var server = await StartAsync();

        Assert.Equal(
            ["update_mask", "notification_configuration"],
            (await CallError.Of(server.Configuration.UpdateNotificationConfigurationAsync(new()))).Fields);
        var error = await CallError.Of(() => UpdateAsync(
            server, new NotificationConfiguration(), "service_sid", "new_message.nonsense", "log_enabled.nonsense"));
        Assert.Equal(
            ["update_mask.paths[0]", "update_mask.paths[1]", "update_mask.paths[2]", "notification_configuration.service_sid"],
                error.Fields);
    }

    [Fact]
    public async Task Notification_settings_of_an_unknown_service_instance_are_not_found()
    {
        await using var server = await StartAsync();
        var unknown = "IS" + new string('f', 32);
        CallError[] errors =
        [
            await CallError.Of(() => GetAsync(server, unknown)),
            await CallError.Of(() => UpdateAsync(server, new NotificationConfiguration { ServiceSid = unknown }, "log_enabled")),
        ];

        Assert.All(errors, error => Assert.Equal((StatusCode.NotFound, "SERVICE_INSTANCE_NOT_FOUND"), (error.Code, error.Reason)));
    }

    private static NotificationConfiguration Defaults(string sid) => new()
    {
        ServiceSid = sid,
        NewMessage = new NewMessageNotification { WithMedia = new MediaNotification() },
        AddedToConversation = new MembershipNotification(),
        RemovedFromConversation = new MembershipNotification(),
    };

    private static NotificationConfiguration Full(string sid) => new()
    {
        ServiceSid = sid,
        LogEnabled = true,
        NewMessage = new NewMessageNotification
        {
            Enabled = true,
            Template = new string('x', 1024),
            Sound = new string('y', 256),
            BadgeCountEnabled = true,
            WithMedia = new MediaNotification { Enabled = true, Template = "media" },
        },
        AddedToConversation = new MembershipNotification { Enabled = true, Template = "added", Sound = "ding" },
        RemovedFromConversation = new MembershipNotification { Enabled = true, Template = "removed", Sound = "dong" },
    };

    private static async Task<NotificationConfiguration> GetAsync(TestServer server, string sid) =>
        (await server.Configuration.GetNotificationConfigurationAsync(new() { ServiceSid = sid })).NotificationConfiguration;

    private static async Task<NotificationConfiguration> UpdateAsync(
        TestServer server, NotificationConfiguration configuration, params string[] paths)
    {
        var request = new UpdateNotificationConfigurationRequest
        {
            NotificationConfiguration = configuration,
            UpdateMask = new FieldMask { Paths = { paths } },
        };
        return (await server.Configuration.UpdateNotificationConfigurationAsync(request)).NotificationConfiguration;
    }
}

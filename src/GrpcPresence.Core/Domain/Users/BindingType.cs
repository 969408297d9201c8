namespace GrpcPresence.Core.Domain.Users;

/// <summary>The push service that delivers to an endpoint. The numbers are those of <c>presence.v1.BindingType</c>.</summary>
public enum BindingType
{
    /// <summary>Apple Push Notification service.</summary>
    Apn = 1,

    /// <summary>Firebase Cloud Messaging.</summary>
    Fcm = 2,

    /// <summary>Google Cloud Messaging.</summary>
    Gcm = 3,

    /// <summary>Web Push, RFC 8030.</summary>
    WebPush = 4,
}

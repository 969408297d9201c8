namespace GrpcPresence.Server.Settings;

/// <summary>How an event is logged.</summary>
internal enum LogFormat
{
    /// <summary>One line for people.</summary>
    Text,

    /// <summary>One JSON object a line.</summary>
    Json,
}

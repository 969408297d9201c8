namespace GrpcPresence.Server.Settings;

/// <summary>The format of the log.</summary>
internal enum LogFormat
{
    /// <summary>One line of plain text per event.</summary>
    Text,

    /// <summary>One JSON object per line.</summary>
    Json,
}

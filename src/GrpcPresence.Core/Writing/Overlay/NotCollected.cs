namespace GrpcPresence.Core.Writing.Overlay;

/// <summary>A fault of the program: a command decides on a key that it has not collected, so that the store has not read it.</summary>
internal static class NotCollected
{
    /// <summary>Returns the exception for the key.</summary>
    public static InvalidOperationException Error(object key) =>
        new($"A command decides on {key}, which it has not collected, so that it was not read.");
}

namespace GrpcPresence.Server.Errors;

/// <summary>The status and code of a failed REST request.</summary>
/// <param name="Status">The HTTP status.</param>
/// <param name="Code">
/// The code of Twilio Conversations. If it defines none, the code is 20000 plus the status, as most of its codes are.
/// </param>
internal readonly record struct RestError(int Status, int Code)
{
    /// <summary>Returns the code of an error that has a status only.</summary>
    public static int CodeOf(int status) => status == StatusCodes.Status405MethodNotAllowed ? 20004 : 20000 + status;
}

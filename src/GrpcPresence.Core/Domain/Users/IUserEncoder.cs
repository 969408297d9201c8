namespace GrpcPresence.Core.Domain.Users;

/// <summary>
/// Encodes what clients may see of a user as the transport's user message. Called once for each state and view; must be pure.
/// </summary>
public interface IUserEncoder
{
    /// <summary>Returns the encoded user in the view.</summary>
    byte[] Encode(UserState user, UserView view);
}

namespace GrpcPresence.Core.Domain.Users;

/// <summary>Turns what clients may see of a user into the bytes of the transport's user message. Called once for each state and view; must be pure.</summary>
public interface IUserEncoder
{
    /// <summary>The bytes of the user in the view.</summary>
    byte[] Encode(UserState user, UserView view);
}

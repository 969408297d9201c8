using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Storage;

/// <summary>Users, read in one transaction.</summary>
/// <param name="Service">The service instance in the same transaction. The users are as of its revision.</param>
/// <param name="Users">The users, in the order that the method promises.</param>
public sealed record UsersRead(ServiceRecord Service, IReadOnlyList<UserState> Users);

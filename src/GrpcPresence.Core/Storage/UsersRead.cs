using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Storage;

/// <summary>Users, read at one moment.</summary>
/// <param name="Service">The service instance at the same moment. The users are as of its revision.</param>
/// <param name="Users">The users, in the order that the method promises.</param>
/// <param name="Next">
/// Where the list continues: the key of the last user that was examined, or null if no further user follows. A page ends early after
/// <see cref="Limits.RowsPerPage"/> examined rows or about <see cref="Limits.PageBytes"/> bytes, even without any user.
/// </param>
/// <param name="Cost">The examined rows, as <see cref="StoreCost"/> counts them.</param>
public sealed record UsersRead(ServiceRecord Service, IReadOnlyList<UserState> Users, long? Next, int Cost);

using GrpcPresence.Core.Domain.Users;
using NpgsqlTypes;

namespace GrpcPresence.Storage.Postgres.Native;

/// <summary>The columns of the users of a commit that are written whole, without their presence.</summary>
internal sealed class UserColumns(CommitColumns all)
{
    private readonly List<int> _service = all.Add<int>("p_user_service", NpgsqlDbType.Integer);
    private readonly List<long> _id = all.Add<long>("p_user_id", NpgsqlDbType.Bigint);
    private readonly List<bool> _isNew = all.Add<bool>("p_user_is_new", NpgsqlDbType.Boolean);
    private readonly List<Guid> _sid = all.Add<Guid>("p_user_sid", NpgsqlDbType.Uuid);
    private readonly List<long> _createdRevision = all.Add<long>("p_user_created_revision", NpgsqlDbType.Bigint);
    private readonly List<long> _friendlyNameRevision = all.Add<long>("p_user_friendly_name_revision", NpgsqlDbType.Bigint);
    private readonly List<long> _attributesRevision = all.Add<long>("p_user_attributes_revision", NpgsqlDbType.Bigint);
    private readonly List<long> _roleRevision = all.Add<long>("p_user_role_revision", NpgsqlDbType.Bigint);
    private readonly List<long> _createTime = all.Add<long>("p_user_create_time", NpgsqlDbType.Bigint);
    private readonly List<long> _updateTime = all.Add<long>("p_user_update_time", NpgsqlDbType.Bigint);
    private readonly List<int> _bindingCount = all.Add<int>("p_user_binding_count", NpgsqlDbType.Integer);
    private readonly List<int> _quietReasons = all.Add<int>("p_user_quiet_reasons", NpgsqlDbType.Integer);
    private readonly List<bool> _hadBinding = all.Add<bool>("p_user_had_binding", NpgsqlDbType.Boolean);
    private readonly List<string> _roleSid = all.Add<string>("p_user_role_sid", NpgsqlDbType.Text);
    private readonly List<byte[]> _identity = all.Add<byte[]>("p_user_identity", NpgsqlDbType.Bytea);
    private readonly List<byte[]> _friendlyName = all.Add<byte[]>("p_user_friendly_name", NpgsqlDbType.Bytea);
    private readonly List<byte[]> _attributes = all.Add<byte[]>("p_user_attributes", NpgsqlDbType.Bytea);

    /// <summary>Adds a user of the service instance at the position.</summary>
    public void Add(int service, UserRecord user, bool isNew)
    {
        _service.Add(service);
        _id.Add(user.Id);
        _isNew.Add(isNew);
        _sid.Add(SidGuid.Of(user.Sid.Value));
        _createdRevision.Add(user.CreatedRevision);
        _friendlyNameRevision.Add(user.FriendlyNameRevision);
        _attributesRevision.Add(user.AttributesRevision);
        _roleRevision.Add(user.RoleRevision);
        _createTime.Add(user.CreateTime.UtcTicks);
        _updateTime.Add(user.UpdateTime.UtcTicks);
        _bindingCount.Add(user.BindingCount);
        _quietReasons.Add((int)user.QuietReasons);
        _hadBinding.Add(user.HadBinding);
        _roleSid.Add(user.RoleSid.ToString());
        _identity.Add(Utf8.Of(user.Identity.ToString()));
        _friendlyName.Add(Utf8.Of(user.FriendlyName));
        _attributes.Add(Utf8.Of(user.Attributes));
    }
}

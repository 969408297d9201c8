using GrpcPresence.Storage.Tests.Conformance;
using GrpcPresence.Testing;
using Npgsql;

namespace GrpcPresence.Storage.Tests.Postgres;

/// <summary>Other roles of the same database, whose functions must not run with the rights of the server's role.</summary>
public sealed class OtherRolesTests
{
    // Each matches a call of the store better than PostgreSQL's own function of that name, which takes parameters of any type.
    private const string Planted = """
        CREATE TABLE public.stolen (role text); GRANT INSERT ON public.stolen TO PUBLIC;
        CREATE FUNCTION public.format(text, bigint, text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO public.stolen VALUES (current_user); RETURN pg_catalog.format($1, $2, $3); END $$;
        CREATE FUNCTION public.concat_ws(text, bigint, text, oid, oid) RETURNS text LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO public.stolen VALUES (current_user); RETURN pg_catalog.concat_ws($1, $2, $3, $4, $5); END $$;
        """;

    [Fact]
    public async Task Functions_of_other_schemas_of_the_search_path_do_not_run()
    {
        var database = NewDatabase(out var role, "CREATE SCHEMA app AUTHORIZATION {0}; GRANT CREATE ON SCHEMA public TO PUBLIC");
        PostgresServer.Execute(database, Planted);
        var own = $"{As(role, database)};Search Path=app,public";
        (await PostgresTests.OpenAsync(own)).Dispose();

        using var store = await PostgresTests.OpenAsync(own);
        var session = StoreSession.Of(store);
        session.InsertService(Sample.Service() with { Revision = 1 });
        Assert.True(session.Commit().IsWhole);
        session.Reopen();

        Assert.Equal(0, PostgresServer.Query<long>(database, "SELECT count(*) FROM public.stolen"));
    }

    [Fact]
    public async Task A_function_in_another_schema_does_not_matter_to_what_is_reported()
    {
        var database = NewDatabase(out var role, "CREATE SCHEMA app AUTHORIZATION {0}; GRANT CREATE ON SCHEMA public TO PUBLIC");
        using var store = await PostgresTests.OpenAsync($"{As(role, database)};Search Path=app,public");
        Assert.Null(store.OtherRoles);
    }

    [Theory]
    [InlineData("CREATE SCHEMA app AUTHORIZATION {0}", null)]
    [InlineData("CREATE SCHEMA app AUTHORIZATION {0}; GRANT CREATE ON SCHEMA app TO PUBLIC", "every role")]
    [InlineData("CREATE SCHEMA app AUTHORIZATION {0}; GRANT CREATE ON SCHEMA app TO {1}", "{1}")]
    [InlineData(
        "CREATE SCHEMA app AUTHORIZATION {0}; CREATE ROLE {1}_all; GRANT {1}_all TO {1}; GRANT CREATE ON SCHEMA app TO {1}_all", "{1}")]
    [InlineData("CREATE SCHEMA app AUTHORIZATION {1}; GRANT ALL ON SCHEMA app TO {0}", "{1}")]
    [InlineData("CREATE SCHEMA app AUTHORIZATION {0}; GRANT {0} TO {1}; GRANT CREATE ON SCHEMA app TO {1}", null)]
    [InlineData("CREATE SCHEMA app AUTHORIZATION {0}; ALTER DEFAULT PRIVILEGES FOR ROLE {0} GRANT TRIGGER ON TABLES TO {1}", "{1}")]
    public async Task Roles_that_may_run_code_as_the_role_of_the_server_are_reported(string statements, string? reported)
    {
        var database = NewDatabase(out var role, statements);
        (await PostgresTests.OpenAsync($"{As(role, database)};Search Path=app")).Dispose();
        using var store = await PostgresTests.OpenAsync($"{As(role, database)};Search Path=app");
        Assert.Equal(reported?.Replace("{1}", Stranger(role), StringComparison.Ordinal), store.OtherRoles);
    }

    private static string NewDatabase(out string role, string statements)
    {
        var database = PostgresTests.NewDatabase();
        role = $"app_{new NpgsqlConnectionStringBuilder(database).Database}";
        PostgresServer.Execute(
            database,
            $"CREATE ROLE {role} LOGIN; CREATE ROLE {Stranger(role)} LOGIN; "
                + statements.Replace("{0}", role, StringComparison.Ordinal).Replace("{1}", Stranger(role), StringComparison.Ordinal));
        return database;
    }

    private static string Stranger(string role) => $"{role}_stranger";

    private static string As(string role, string connectionString) =>
        new NpgsqlConnectionStringBuilder(connectionString) { Username = role }.ConnectionString;
}

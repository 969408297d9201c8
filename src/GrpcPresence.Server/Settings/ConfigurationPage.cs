using System.Text;

namespace GrpcPresence.Server.Settings;

/// <summary>Writes docs/configuration.md from the declarations of the settings.</summary>
internal static class ConfigurationPage
{
    private const string Head = """
        # Configuration

        Every setting has a default, so that the server starts without any. Give a setting as an environment variable, as an option of the
        command line (its own, or `--set NAME=VALUE`), or in `appsettings.json` beside the program, under `Presence`. The command line takes
        precedence over the environment, and the environment over the file. With `dotnet run`, the file is
        `src/GrpcPresence.Server/appsettings.json`.

        This page is generated. `dotnet run --project src/GrpcPresence.Server -- settings > docs/configuration.md` writes it, and a test
        fails when it is stale.

        ## Settings

        | setting | what it does | value | default | option | environment |
        |---|---|---|---|---|---|

        """;

    private const string QuotasHead = """

        ## Quotas

        Each quota applies twice: to a service instance with all its callers, and to each caller. A caller is an API key, or an end user
        with any number of access tokens. Each quota is a whole number from 1. The burst of a rate equals what it allows in one second, and
        is at least 10. When a quota is exceeded, the server answers `QUOTA_EXCEEDED` with the time to wait.

        Rows read are charged after a read, when their number is known. While a caller is over `RowsReadPerSecond`, its next read first
        waits for up to one second, and is rejected if that is not enough. So a client that lists page by page becomes slower and is not
        rejected. A watch waits as long as necessary: its snapshot may have many times the rows of one second. A call counts as at least
        10 rows, and a row of more than 4 KiB counts once for each 4 KiB.

        `Quotas:ServiceInstance:OpenStreams`, for example, is `PRESENCE__QUOTAS__SERVICEINSTANCE__OPENSTREAMS` in the environment and
        `--set Quotas:ServiceInstance:OpenStreams=100` on the command line.


        """;

    private const string Tail = """

        ## Files and paths

        A relative path starts at the working directory of the process, and not at the directory of the program or of
        `appsettings.json`. The log names the full path of the database, and says whether the database is new.

        `AuthToken` is not accepted on the command line, because other users of a machine can read command lines: use the environment
        variable or the file. It must be random. A token that is short, has few different characters, contains a word such as `changeme`
        or `password`, or is a sequence or a repetition is refused.

        `Postgres` is accepted on the command line without a password only. The password may be in the environment variable or the file,
        as part of the connection string, or in a password file that `Passfile=FILE` or the environment variable `PGPASSFILE` names.
        No message or log entry contains the connection string. `Postgres` and `Database` exclude each other.

        ## Logging

        The section `Logging` contains levels in the format that .NET documents, and nothing else: `Logging__LogLevel__Grpc=Debug` logs
        entries for each call, without identities. The default is Information for the server's own events and Warning for the framework.

        ## Invalid settings

        The program exits with code 2 and prints one line for each violation. A line names the setting, the format that it must have, and
        its value unless that is a secret. If the database is damaged, in use, or newer than the program, the exit code is 3.

        """;

    /// <summary>Returns the page.</summary>
    public static string Write()
    {
        var page = new StringBuilder(Head);
        foreach (var setting in SettingsCatalog.Server)
        {
            var declaration = setting.Declaration;
            var option = declaration.Option is null ? "" : $"`{declaration.Option}`";
            if (declaration.Shorthand is { } shorthand)
                option += $", `{shorthand}`";
            var (name, variable) = ($"`{setting.Name}`", $"`{setting.EnvironmentVariable}`");
            AppendRow(page, name, declaration.Summary, declaration.Form, Code(setting.Default), option, variable);
        }
        page.Append(QuotasHead);
        AppendQuotas(page);
        return page.Append(Tail).ToString().ReplaceLineEndings("\n");
    }

    private static void AppendQuotas(StringBuilder page)
    {
        string[] subjects = [nameof(QuotaSettings.ServiceInstance), nameof(QuotaSettings.ApiKey), nameof(QuotaSettings.AccessToken)];
        AppendRow(page, ["quota", "what it limits", .. subjects.Select(subject => $"`{subject}`")]);
        AppendRow(page, [.. Enumerable.Repeat("---", subjects.Length + 2)]);
        foreach (var quota in SettingsCatalog.Quotas.GroupBy(setting => setting.Name.Split(':')[^1]))
        {
            var defaults = subjects
                .Select(subject => quota.SingleOrDefault(setting => setting.Name.Split(':')[1] == subject)?.Default ?? "");
            AppendRow(page, [$"`{quota.Key}`", quota.First().Declaration.Summary, .. defaults]);
        }
    }

    // "none" and similar words describe a default; a user cannot set them as values.
    private static string Code(string value) => value.Contains(' ', StringComparison.Ordinal) || value == "none" ? value : $"`{value}`";

    private static void AppendRow(StringBuilder page, params IReadOnlyList<string> cells) =>
        page.Append("| ").AppendJoin(" | ", cells.Select(cell => cell.Replace("|", "\\|", StringComparison.Ordinal))).Append(" |\n");
}

namespace GrpcPresence.Storage.Tests.Writing;

/// <summary>One random command. The numbers select what it names.</summary>
internal readonly record struct WriterStep(WriterAct Act, int A, int B, int C)
{
    private const int Users = 4;

    /// <summary>The user: one of few, so that commands meet.</summary>
    public string User => $"user-{A % Users}";

    /// <summary>
    /// Returns the commands of a batch. A tracked user is decided once for a batch, and its deletion reaches the tracker after the commit.
    /// So a user that has heartbeats in this batch has one, and is deleted only after it. A switch of reachability queues further commands,
    /// so it stands alone.
    /// </summary>
    public static WriterStep[] Group(Random random, int count)
    {
        if (random.Next(6) == 0)
            return [new WriterStep(WriterAct.Switch, random.Next(100), random.Next(100), random.Next(100))];
        var beating = Enumerable.Range(0, Users).Where(_ => random.Next(2) == 0).ToHashSet();
        var steps = new List<WriterStep>();
        while (steps.Count < count)
        {
            var step = new WriterStep(
                (WriterAct)random.Next((int)WriterAct.Switch), random.Next(100), random.Next(100), random.Next(100));
            var user = step.A % Users;
            var isBeat = step.Act is WriterAct.Beat or WriterAct.End;
            var isAllowed = !isBeat || (beating.Remove(user) && steps.TrueForAll(other => !other.Deletes(user)));
            if (isAllowed)
                steps.Add(step);
            else if (isBeat)
                count--;
        }
        return [.. steps];
    }

    private bool Deletes(int user) => Act == WriterAct.Delete && A % Users == user;
}

/// <summary>The kinds of commands.</summary>
internal enum WriterAct
{
    Create,
    CreateAgain,
    Rename,
    RenameBySid,
    Delete,
    DeleteBySid,
    Beat,
    End,
    Bind,
    TakeBinding,
    Unbind,
    Configure,
    RenameService,
    DeleteService,
    CreateService,
    CreateKey,
    RotateKey,
    RevokeKey,
    ActWithKey,
    SetWebhook,
    RotateWebhook,
    AdvanceWebhook,
    Notify,

    /// <summary>The only one that queues further commands; the last.</summary>
    Switch,
}

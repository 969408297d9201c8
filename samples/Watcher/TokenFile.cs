namespace GrpcPresence.Samples.Watcher;

/// <summary>Keeps the resume token in a file, so that a watch also resumes after a restart of this program.</summary>
internal sealed class TokenFile(string path)
{
    /// <summary>Returns the token, or an empty text, which starts a watch with a snapshot.</summary>
    public string Read() => File.Exists(path) ? File.ReadAllText(path) : "";

    /// <summary>Replaces the token. The rename is atomic: a crash leaves the token before or the new one, never half of one.</summary>
    public void Write(string token)
    {
        var temporary = path + ".new";
        File.WriteAllText(temporary, token);
        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>Forgets the token.</summary>
    public void Delete() => File.Delete(path);
}

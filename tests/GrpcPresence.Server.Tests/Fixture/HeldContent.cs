using System.Net;
using System.Net.Http.Headers;
using System.Text;

namespace GrpcPresence.Server.Tests.Fixture;

/// <summary>A form that a client sends only after its headers, when the test releases it.</summary>
internal sealed class HeldContent : HttpContent
{
    private readonly byte[] _form;
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public HeldContent(string form)
        : this(form, "application/x-www-form-urlencoded")
    {
    }

    /// <summary>Creates a body of ASCII.</summary>
    public HeldContent(string form, string contentType)
    {
        _form = Encoding.UTF8.GetBytes(form);
        Headers.ContentType = new MediaTypeHeaderValue(contentType);
    }

    public void Release() => _released.TrySetResult();

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
    {
        await stream.FlushAsync(TestRun.Token);
        await _released.Task.WaitAsync(TestRun.Token);
        await stream.WriteAsync(_form, TestRun.Token);
    }

    protected override bool TryComputeLength(out long length)
    {
        length = _form.Length;
        return true;
    }
}

using Grpc.Core;
using Grpc.Reflection.V1;
using MessageRequestOneofCase = Grpc.Reflection.V1.ServerReflectionRequest.MessageRequestOneofCase;

namespace GrpcPresence.Server.Reflection;

/// <summary>
/// Adapts the library's reflection service for one stream. Grpc.Reflection 2.85 does not find fields, oneofs or enum values, does not
/// answer questions about extensions, and does not repeat the request in its response, as the protocol requires.
/// </summary>
internal sealed class ReflectionExchange(
    IAsyncStreamReader<ServerReflectionRequest> requests,
    IServerStreamWriter<ServerReflectionResponse> responses,
    ReflectionSymbols symbols,
    CancellationToken cancellationToken) : IAsyncStreamReader<ServerReflectionRequest>, IServerStreamWriter<ServerReflectionResponse>
{
    private ServerReflectionRequest _request = new();

    /// <summary>Returns the request in a form that the library can answer.</summary>
    public ServerReflectionRequest Current { get; private set; } = new();

    /// <inheritdoc/>
    public WriteOptions? WriteOptions
    {
        get => responses.WriteOptions;
        set => responses.WriteOptions = value;
    }

    /// <summary>Reads the next request. The library does not pass a token, so the call's own token ends the read.</summary>
    public async Task<bool> MoveNext(CancellationToken unused)
    {
        if (!await requests.MoveNext(cancellationToken))
            return false;
        _request = requests.Current;
        Current = symbols.FindFileOfMember(_request.FileContainingSymbol) is { } file
            ? new ServerReflectionRequest { FileByFilename = file }
            : _request;
        return true;
    }

    /// <inheritdoc/>
    public Task WriteAsync(ServerReflectionResponse message)
    {
        var response = AnswerExtensionRequest() ?? message;
        response.ValidHost = _request.Host;
        response.OriginalRequest = CopyKnownFields(_request);
        return responses.WriteAsync(response);
    }

    // Unknown fields may be nested as deep as a message can be decoded. In the response they are one level deeper, where clients cannot
    // decode them.
    private static ServerReflectionRequest CopyKnownFields(ServerReflectionRequest request)
    {
        var copy = new ServerReflectionRequest { Host = request.Host };
        switch (request.MessageRequestCase)
        {
            case MessageRequestOneofCase.FileByFilename:
                copy.FileByFilename = request.FileByFilename;
                break;
            case MessageRequestOneofCase.FileContainingSymbol:
                copy.FileContainingSymbol = request.FileContainingSymbol;
                break;
            case MessageRequestOneofCase.FileContainingExtension:
                var (type, number) = (request.FileContainingExtension.ContainingType, request.FileContainingExtension.ExtensionNumber);
                copy.FileContainingExtension = new ExtensionRequest { ContainingType = type, ExtensionNumber = number };
                break;
            case MessageRequestOneofCase.AllExtensionNumbersOfType:
                copy.AllExtensionNumbersOfType = request.AllExtensionNumbersOfType;
                break;
            case MessageRequestOneofCase.ListServices:
                copy.ListServices = request.ListServices;
                break;
        }
        return copy;
    }

    private ServerReflectionResponse? AnswerExtensionRequest() => _request.MessageRequestCase switch
    {
        MessageRequestOneofCase.AllExtensionNumbersOfType when symbols.IsMessageType(_request.AllExtensionNumbersOfType) =>
            new() { AllExtensionNumbersResponse = new ExtensionNumberResponse { BaseTypeName = _request.AllExtensionNumbersOfType } },
        MessageRequestOneofCase.AllExtensionNumbersOfType => Error(StatusCode.NotFound, "Unknown message type."),
        MessageRequestOneofCase.FileContainingExtension => Error(StatusCode.NotFound, "The served protos define no extensions."),
        MessageRequestOneofCase.None => Error(StatusCode.InvalidArgument, "The request has no message_request."),
        _ => null,
    };

    private static ServerReflectionResponse Error(StatusCode code, string message) =>
        new() { ErrorResponse = new ErrorResponse { ErrorCode = (int)code, ErrorMessage = message } };
}

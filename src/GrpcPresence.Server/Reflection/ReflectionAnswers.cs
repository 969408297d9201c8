using Google.Protobuf;
using Grpc.Core;
using Grpc.Reflection.V1;
using static Grpc.Reflection.V1.ServerReflectionRequest;

namespace GrpcPresence.Server.Reflection;

/// <summary>Answers one reflection request; both versions of the service ask here.</summary>
internal sealed class ReflectionAnswers(DescriptorIndex index)
{
    /// <summary>The answer. What is not found is an answer too: the stream goes on.</summary>
    public ServerReflectionResponse Answer(ServerReflectionRequest request)
    {
        var response = request.MessageRequestCase switch
        {
            MessageRequestOneofCase.ListServices => Services(),
            MessageRequestOneofCase.FileByFilename => Files(index.FindFile(request.FileByFilename)),
            MessageRequestOneofCase.FileContainingSymbol => Files(index.FindSymbol(request.FileContainingSymbol)),
            MessageRequestOneofCase.None => Error(StatusCode.InvalidArgument, "The request asks for nothing."),
            _ => Error(StatusCode.NotFound, "These protos define no extensions."),
        };
        response.ValidHost = request.Host;
        response.OriginalRequest = WithoutUnknownFields(request);
        return response;
    }

    // Fields that nobody knows may be nested as deep as a message can be decoded: nobody could decode an answer with them one level deeper.
    private static ServerReflectionRequest WithoutUnknownFields(ServerReflectionRequest request)
    {
        var known = new ServerReflectionRequest { Host = request.Host };
        switch (request.MessageRequestCase)
        {
            case MessageRequestOneofCase.FileByFilename:
                known.FileByFilename = request.FileByFilename;
                break;
            case MessageRequestOneofCase.FileContainingSymbol:
                known.FileContainingSymbol = request.FileContainingSymbol;
                break;
            case MessageRequestOneofCase.FileContainingExtension:
                var (type, number) = (request.FileContainingExtension.ContainingType, request.FileContainingExtension.ExtensionNumber);
                known.FileContainingExtension = new ExtensionRequest { ContainingType = type, ExtensionNumber = number };
                break;
            case MessageRequestOneofCase.AllExtensionNumbersOfType:
                known.AllExtensionNumbersOfType = request.AllExtensionNumbersOfType;
                break;
            case MessageRequestOneofCase.ListServices:
                known.ListServices = request.ListServices;
                break;
        }
        return known;
    }

    private ServerReflectionResponse Services() => new()
    {
        ListServicesResponse = new ListServiceResponse
        {
            Service = { index.ServiceNames.Select(name => new ServiceResponse { Name = name }) },
        },
    };

    private static ServerReflectionResponse Files(IReadOnlyList<ByteString>? files) => files is null
        ? Error(StatusCode.NotFound, "No file has this name, or defines this symbol.")
        : new ServerReflectionResponse { FileDescriptorResponse = new FileDescriptorResponse { FileDescriptorProto = { files } } };

    private static ServerReflectionResponse Error(StatusCode code, string message) =>
        new() { ErrorResponse = new ErrorResponse { ErrorCode = (int)code, ErrorMessage = message } };
}

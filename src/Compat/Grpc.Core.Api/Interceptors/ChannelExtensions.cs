namespace Grpc.Core.Interceptors;

/// <summary>Puts interceptors in front of a channel.</summary>
public static class ChannelExtensions
{
    /// <summary>An invoker whose calls go through the interceptor and then to the channel.</summary>
    /// <param name="channel">The channel to make calls on.</param>
    /// <param name="interceptor">Sees each call before.</param>
    public static CallInvoker Intercept(this ChannelBase channel, Interceptor interceptor) => InvokerOf(channel).Intercept(interceptor);

    /// <summary>An invoker whose calls go through the interceptors in the given order and then to the channel.</summary>
    /// <param name="channel">The channel to make calls on.</param>
    /// <param name="interceptors">See each call before, the first one first.</param>
    public static CallInvoker Intercept(this ChannelBase channel, params Interceptor[] interceptors) =>
        InvokerOf(channel).Intercept(interceptors);

    /// <summary>An invoker whose calls' headers go through a function before the channel.</summary>
    /// <param name="channel">The channel to make calls on.</param>
    /// <param name="interceptor">Is given a call's headers, never null, and gives those to send.</param>
    public static CallInvoker Intercept(this ChannelBase channel, Func<Metadata, Metadata> interceptor) =>
        InvokerOf(channel).Intercept(interceptor);

    private static CallInvoker InvokerOf(ChannelBase channel)
    {
        ArgumentNullException.ThrowIfNull(channel);
        return channel.CreateCallInvoker();
    }
}

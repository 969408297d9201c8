// What the address of the page says; without it, the demo of a server on this machine.
const parameters = new URLSearchParams(location.search);

export const url = parameters.get('url') ?? 'http://127.0.0.1:5081';
export const serviceSid = parameters.get('service') ?? 'IS00000000000000000000000000000de0';
export const identity = parameters.get('user') ?? 'alice';
export const others = (parameters.get('others') ?? 'linus,margaret,radia').split(',').filter(Boolean);

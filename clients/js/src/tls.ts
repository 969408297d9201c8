/** Whether nobody can read along what is sent to the URL: TLS protects it, or it does not leave the machine. */
export function isConfidential(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  // A URL writes each IPv4 address as four numbers.
  return protocol === 'https:' || hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

// Shows users as rows of a table. Every state is a word, not only a colour.
const rows = new Map();

export function showUser(user, updateReasons = []) {
  if (!rows.has(user.identity)) {
    const row = document.querySelector('tbody').insertRow();
    row.dataset.identity = user.identity;
    rows.set(user.identity, [row, row.insertCell(), row.insertCell(), row.insertCell()]);
  }
  const [row, name, state, change] = rows.get(user.identity);
  row.dataset.state = stateOf(user);
  name.textContent = user.friendlyName || user.identity;
  state.textContent = stateOf(user);
  change.textContent = updateReasons.join(', ');
}

export function showConnection(state) {
  document.querySelector('output').textContent = state;
}

function stateOf({ isOnline, isNotifiable }) {
  if (isOnline === null) return 'unknown';
  if (isOnline) return 'online';
  return isNotifiable ? 'offline, can be notified' : 'offline';
}

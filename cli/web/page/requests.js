// Requests to the mount; each throws an Error whose message can be shown.

async function answerOf(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error('The mount does not answer.');
  }
  const text = await response.text();
  let answer = null;
  try {
    answer = JSON.parse(text);
  } catch {
    // Refusals are plain text.
  }
  if (!response.ok) throw new Error(answer?.error ?? (text.trim() || `The mount answers with ${response.status}.`));
  return answer;
}

function control(request) {
  return answerOf('/api/control', {
    method: 'POST',
    headers: {'Content-Type': 'application/json'},
    body: JSON.stringify(request),
  });
}

export function addLink(link, {label, pin}) {
  return control({command: 'add', link, label, pin});
}
export async function addFile(file, {label, pin}) {
  return control({command: 'add', file: await base64Of(file), label, pin});
}
/// `torrent`: its key.
export function removeTorrent(torrent, {deleteData}) {
  return control({command: 'remove', torrent, delete_data: deleteData});
}
export function setPaused(torrent, paused) {
  return control({command: paused ? 'pause' : 'resume', torrent});
}
/// A path below the mountpoint: of a file, a folder or a torrent.
export function setPinned(path, pinned) {
  return control({command: pinned ? 'pin' : 'unpin', path});
}
export function detailsOf(infoHash, signal) {
  return answerOf(`/api/torrents/${infoHash}`, {signal});
}

function base64Of(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(',') + 1));
    reader.onerror = () => reject(new Error(`${file.name} cannot be read.`));
    reader.readAsDataURL(file);
  });
}

/// Paths below /stream/TOKEN/ or /playlist/TOKEN/, percent-encoded.
export function pathBelow(beginning, path) {
  return beginning + path.split('/').map(encodeURIComponent).join('/');
}

// Sends files to the server, some at a time: says how many bytes are there, and can be stopped. Gradio's own `upload`
// says nothing before a file is there.
const AT_ONCE = 6;
// Where this page is served may be a folder behind a proxy, which Gradio knows.
const gateway = () => {
  const { root, api_prefix } = window.gradio_config;
  return new URL(root, location.href).pathname.replace(/\/$/, "") + api_prefix;
};

const sendOne = (file, signal, progress) =>
  new Promise((give, fail) => {
    const request = new XMLHttpRequest();
    const form = new FormData();
    form.append("files", file);
    request.open("POST", `${gateway()}/upload`);
    request.upload.onprogress = (event) => progress(Math.min(event.loaded, file.size));
    request.onload = () => (request.status === 200 ? give(JSON.parse(request.responseText)[0]) : fail());
    request.onerror = request.onabort = () => fail();
    signal.addEventListener("abort", () => request.abort());
    request.send(form);
  });

// Returns {path, name} of each of the items {file, name}; the path of one that did not arrive is null.
const sendAll = async (items, signal, progress = () => {}) => {
  const uploads = items.map(({ name }) => ({ path: null, name }));
  const sent = items.map(() => 0);
  const size = items.reduce((sum, { file }) => sum + (file?.size || 0), 0);
  let next = 0, done = 0;
  const tell = () => progress({ done, total: items.length, sent: sent.reduce((sum, one) => sum + one, 0), size });
  const worker = async () => {
    while (next < items.length && !signal.aborted) {
      const index = next++;
      const { file } = items[index];
      try {
        uploads[index].path = await sendOne(file, signal, (bytes) => ((sent[index] = bytes), tell()));
      } catch {}
      sent[index] = file?.size || 0;
      done += 1;
      tell();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return uploads;
};

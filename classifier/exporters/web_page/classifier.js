// The worker as functions that return promises, one picture at a time.
export class Classifier {
  #worker = new Worker("worker.js", { type: "module" });
  #waiting = new Map();
  #last = Promise.resolve();
  #number = 0;

  constructor() {
    this.#worker.onmessage = ({ data: { id, result, error, detail } }) => {
      const { give, refuse } = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error) refuse(Object.assign(new Error(detail), { code: error }));
      else give(result);
    };
    this.#worker.onerror = (event) => {
      for (const { refuse } of this.#waiting.values()) refuse(Object.assign(new Error(event.message), { code: "failed" }));
      this.#waiting.clear();
    };
  }

  load(config) {
    return this.#ask({ task: "load", config });
  }

  classifyFile(file, withThumbnail = true) {
    return this.#ask({ task: "classifyFile", file, withThumbnail });
  }

  classifyFrame(bitmap) {
    return this.#ask({ task: "classifyFrame", bitmap }, [bitmap]);
  }

  #ask(message, transferred = []) {
    const asked = this.#last.then(() => new Promise((give, refuse) => {
      const id = ++this.#number;
      this.#waiting.set(id, { give, refuse });
      this.#worker.postMessage({ ...message, id }, transferred);
    }));
    this.#last = asked.catch(() => {});
    return asked;
  }
}

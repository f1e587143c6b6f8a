// The camera's picture, and an answer for as many of its frames as this device manages: the others are dropped.
export class Camera {
  #video;
  #onEnd;
  #stream = null;
  #facing = "environment"; // the rear camera of a phone

  // `onEnd` is called where the camera ends by itself: unplugged, or taken away by the person or another program.
  constructor(video, onEnd) {
    this.#video = video;
    this.#onEnd = onEnd;
  }

  get isOn() {
    return this.#stream !== null;
  }

  static isPossible() {
    return Boolean(navigator.mediaDevices?.getUserMedia);
  }

  // Raises what the browser does: NotAllowedError where the person refused, NotFoundError where there is no camera.
  async start() {
    const video = { facingMode: this.#facing, width: { ideal: 1280 }, height: { ideal: 720 } };
    this.#stream = await navigator.mediaDevices.getUserMedia({ audio: false, video });
    this.#stream.getVideoTracks()[0].addEventListener("ended", this.#onEnd);
    this.#video.srcObject = this.#stream;
    await this.#video.play();
  }

  stop() {
    for (const track of this.#stream?.getTracks() || []) track.stop();
    this.#stream = this.#video.srcObject = null;
  }

  async turn() {
    this.stop();
    this.#facing = this.#facing === "environment" ? "user" : "environment";
    await this.start();
  }

  static async areSeveral() {
    const devices = await navigator.mediaDevices.enumerateDevices();
    return devices.filter(({ kind }) => kind === "videoinput").length > 1;
  }

  // Gives `look` one frame after the other, each when it is done with the last, until the camera stops.
  async watch(look) {
    const stream = this.#stream;
    while (this.#stream && this.#stream === stream) {
      await this.#nextFrame();
      if (this.#stream !== stream || document.hidden) continue;
      await look(await createImageBitmap(this.#video));
    }
  }

  #nextFrame() {
    const video = this.#video;
    const waited = new Promise((give) => setTimeout(give, 250)); // a hidden page gets no frames
    const came = video.requestVideoFrameCallback
      ? new Promise((give) => video.requestVideoFrameCallback(give))
      : new Promise((give) => requestAnimationFrame(give));
    return Promise.race([came, waited]);
  }
}

// The cameras of this device, for the panels that show one.
const CAMERA_SIZE = { width: { ideal: 1280 }, height: { ideal: 960 } };
const CAMERA_PROBLEMS = { NotAllowedError: "denied", SecurityError: "denied", NotFoundError: "none", OverconstrainedError: "none" };

// Shows a camera, the rear one of a phone, in a video element. What goes wrong is thrown as the code of its sentence.
const openCamera = async (video, wanted = { facingMode: { ideal: "environment" } }) => {
  closeCamera(video);
  if (!navigator.mediaDevices) throw window.isSecureContext ? "none" : "insecure";
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ video: { ...CAMERA_SIZE, ...wanted } });
    video.srcObject = stream;
    // A camera that looks at the person is shown as a mirror, as people expect it; only phones say where one looks.
    const { facingMode } = stream.getVideoTracks()[0].getSettings();
    video.classList.toggle("pc-mirror", facingMode !== "environment");
    await video.play();
    return stream;
  } catch (error) {
    closeCamera(video);
    throw CAMERA_PROBLEMS[error.name] || "busy";
  }
};
const closeCamera = (video) => {
  video.srcObject?.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
};

// Makes a photo small on the phone before it is sent: a bill of 4 MB would take minutes on 2G.
const AIM_BYTES = 60 * 1024;
// Longest side and quality: the first that comes out small enough is sent, the last in any case.
const TRIES = [[1280, 0.6], [1024, 0.5], [800, 0.4], [640, 0.35], [480, 0.3]];

async function shrink(file) {
  const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
  for (const [side, quality] of TRIES) {
    const scale = Math.min(1, side / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(picture.width * scale);
    canvas.height = Math.round(picture.height * scale);
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    const small = await new Promise((done) => canvas.toBlob(done, "image/jpeg", quality));
    if (small && (small.size <= AIM_BYTES || side === 480)) return small.size < file.size ? small : file;
  }
  return file;
}

export function shrinkPhotos() {
  addEventListener("change", async (event) => {
    const field = event.target;
    if (field.type !== "file" || field.name !== "photo" || !field.files[0]) return;
    try {
      delete field.dataset.odd;
      const small = await shrink(field.files[0]);
      if (small === field.files[0]) return;
      const files = new DataTransfer();
      files.items.add(new File([small], "photo.jpg", { type: "image/jpeg" }));
      field.files = files.files;
    } catch {
      field.dataset.odd = 1; // not a picture, or an old browser: the server says what is wrong, or makes it small itself
    }
  });
}

// A photo that another app shared goes into the first entry form that is opened.
import { drop, get, openBytes } from "../store.js";

export async function takeShared({ key }) {
  const field = document.querySelector("#entry-form [name=photo]");
  const sealed = field && (await get("shared"));
  if (!sealed) return;
  const files = new DataTransfer();
  files.items.add(new File([await openBytes(key, sealed)], "photo.jpg", { type: "image/jpeg" }));
  field.files = files.files;
  field.closest("details").open = true;
  field.dispatchEvent(new Event("change", { bubbles: true }));
  await drop("shared");
}

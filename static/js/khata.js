// What the pages do more where there is script. All of them work without it.
import { keepIdsFresh } from "./parts/ids.js";
import { showSums } from "./parts/sum.js";
import { shrinkPhotos } from "./parts/photo.js";
import { offerContacts } from "./parts/contacts.js";
import { lockWhenResting } from "./parts/lock.js";

keepIdsFresh();
showSums();
shrinkPhotos();
offerContacts();
lockWhenResting();

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

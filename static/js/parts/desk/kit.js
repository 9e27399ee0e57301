// Pieces and words for what the phone writes into pages: they stand in the outbox page, in the member's language.
import { ask, parsed } from "./desk.js";

export async function openKit() {
  let page = document;
  if (!document.querySelector("#kit")) {
    const { kit } = await ask({ kit: true });
    page = parsed(kit);
  }
  const { content } = page.querySelector("#kit");
  return {
    has: (name) => !!content.querySelector(`[data-part="${name}"]`),
    part: (name) => document.importNode(content.querySelector(`[data-part="${name}"]`).content, true).firstElementChild,
    word: (name) => content.querySelector(`[data-word="${name}"]`).textContent,
  };
}

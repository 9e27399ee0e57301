// One contact, chosen by the person in the phone's own list. Nothing else of the list is ever seen.
export function offerContacts() {
  const button = document.querySelector("[data-contact-picker]");
  if (!button || !navigator.contacts?.select) return;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const [contact] = await navigator.contacts.select(["name", "tel"]).catch(() => []);
    if (!contact) return;
    const form = document.querySelector("form[action='/parties'],form[action^='/parties/']");
    if (contact.name?.[0]) form.elements.name.value = contact.name[0];
    if (contact.tel?.[0]) form.elements.phone.value = contact.tel[0];
  });
}

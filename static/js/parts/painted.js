// Once the page is on the screen as it is now. One that nobody sees is never painted: then after a moment.
export const painted = () =>
  new Promise((done) => {
    setTimeout(done, 100);
    requestAnimationFrame(() => setTimeout(done));
  });

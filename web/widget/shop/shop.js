// The language of the page, which the widget follows, and a cart that counts.
const lang = new URLSearchParams(location.search).get('lang') === 'en' ? 'en' : 'zh-CN';
document.documentElement.lang = lang;
for (const element of document.querySelectorAll('[data-zh]')) element.textContent = lang === 'en' ? element.dataset.en : element.dataset.zh;
let count = 0;
for (const button of document.querySelectorAll('.goods button')) {
  button.addEventListener('click', () => {
    count += 1;
    document.getElementById('count').textContent = String(count);
  });
}

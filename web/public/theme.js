// Before first paint: the theme and density the person chose, so that nothing flashes.
;(function () {
  try {
    var theme = localStorage.getItem('shouwen.theme') || 'system'
    var dark = theme === 'dark' || (theme === 'system' && matchMedia('(prefers-color-scheme: dark)').matches)
    document.documentElement.dataset.theme = dark ? 'dark' : 'light'
    document.documentElement.dataset.density = localStorage.getItem('shouwen.density') || 'comfortable'
    document.documentElement.lang = localStorage.getItem('shouwen.locale') || (/^zh/i.test(navigator.language) ? 'zh-CN' : 'en')
  } catch (e) {
    document.documentElement.dataset.theme = 'light'
  }
})()

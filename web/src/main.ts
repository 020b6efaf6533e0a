import { VueQueryPlugin } from '@tanstack/vue-query'
import { createApp } from 'vue'
import App from './App.vue'
import { firstLocale, i18n, setLocale } from './i18n'
import { queryClient } from './queries'
import { router } from './router'
import './ui/tokens.css'
import './ui/base.css'

await setLocale(firstLocale())
createApp(App).use(i18n).use(router).use(VueQueryPlugin, { queryClient }).mount('#app')

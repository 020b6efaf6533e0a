import type { InjectionKey, Ref } from 'vue'
import type { Definition } from './definition'

/** The definition that is being written, for what lies deep in it. */
export const DRAFT: InjectionKey<Ref<Definition>> = Symbol('draft')

// WebRTC needs a native module, and plays no part in the tests: what imports it gets nothing.
import { register } from 'node:module'

const data = source => 'data:text/javascript,' + encodeURIComponent(source)
const nothing = data('export const RTCPeerConnection = null, RTCSessionDescription = null, RTCIceCandidate = null\n' +
                     'export default {}')
register(data(`export const resolve = (name, context, next) =>
  name === 'webrtc-polyfill' ? { url: '${nothing}', shortCircuit: true } : next(name, context)`))

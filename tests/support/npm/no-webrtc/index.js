// WebRTC needs a native module, and plays no part in the tests.
export const RTCPeerConnection = null
export const RTCSessionDescription = null
export const RTCIceCandidate = null
export default {}

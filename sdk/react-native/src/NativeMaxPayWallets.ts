// What the native side does: it opens wallets and says what they say. React Native's codegen reads this file and makes the native interfaces.

import { TurboModuleRegistry, type CodegenTypes, type TurboModule } from "react-native";

export interface Spec extends TurboModule {
  /** `{appId, universalLink}`: tells WeChat's SDK whose app this is. */
  setUpWechat(settings: CodegenTypes.UnsafeObject): Promise<boolean>;
  /** Whether the phone and the app have what a channel needs. */
  isAvailable(channel: string): Promise<boolean>;
  /** Gives a charge's answer to its wallet. `options` is `{mode, scheme, appleMerchantId}`; the answer is `{word, detail}`. */
  handOver(charged: CodegenTypes.UnsafeObject, options: CodegenTypes.UnsafeObject): Promise<CodegenTypes.UnsafeObject>;
}

export default TurboModuleRegistry.get<Spec>("MaxPayWallets");

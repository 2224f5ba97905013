// The native module of the React Native SDK on iOS: it hands everything to MXPWallets of the iOS SDK.

#import <MaxPayWalletsSpec/MaxPayWalletsSpec.h>

@interface RCTMaxPayWallets : NSObject <NativeMaxPayWalletsSpec>
@end

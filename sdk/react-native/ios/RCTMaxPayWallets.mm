#import "RCTMaxPayWallets.h"

#if __has_include(<MaxPay/MaxPay-Swift.h>)
#import <MaxPay/MaxPay-Swift.h>
#else
#import "MaxPay-Swift.h"
#endif

@implementation RCTMaxPayWallets

+ (NSString *)moduleName {
  return @"MaxPayWallets";
}

- (instancetype)init {
  if (self = [super init]) {
    // RCTLinkingManager posts these for the addresses that the app delegate gives it.
    [[NSNotificationCenter defaultCenter] addObserver:self selector:@selector(opened:) name:@"RCTOpenURLNotification" object:nil];
  }
  return self;
}

- (void)dealloc {
  [[NSNotificationCenter defaultCenter] removeObserver:self];
}

- (void)opened:(NSNotification *)notification {
  id address = notification.userInfo[@"url"];
  NSURL *url = [address isKindOfClass:NSURL.class] ? address : [NSURL URLWithString:address];
  if (url) [MXPWallets.shared openURL:url];
}

- (void)setUpWechat:(NSDictionary *)settings resolve:(RCTPromiseResolveBlock)resolve reject:(RCTPromiseRejectBlock)reject {
  dispatch_async(dispatch_get_main_queue(), ^{
    resolve(@([MXPWallets.shared setUpWechatWithAppId:settings[@"appId"] universalLink:settings[@"universalLink"]]));
  });
}

- (void)isAvailable:(NSString *)channel resolve:(RCTPromiseResolveBlock)resolve reject:(RCTPromiseRejectBlock)reject {
  dispatch_async(dispatch_get_main_queue(), ^{
    resolve(@([MXPWallets.shared isAvailable:channel]));
  });
}

- (void)handOver:(NSDictionary *)charged
         options:(NSDictionary *)options
         resolve:(RCTPromiseResolveBlock)resolve
          reject:(RCTPromiseRejectBlock)reject {
  dispatch_async(dispatch_get_main_queue(), ^{
    [MXPWallets.shared handOver:charged
                        options:options
                     completion:^(NSString *word, NSDictionary *detail, NSError *error) {
                       if (error) reject(@"MaxPay", error.localizedDescription, error);
                       else resolve(detail ? @{@"word" : word, @"detail" : detail} : @{@"word" : word});
                     }];
  });
}

- (std::shared_ptr<facebook::react::TurboModule>)getTurboModule:(const facebook::react::ObjCTurboModule::InitParams &)params {
  return std::make_shared<facebook::react::NativeMaxPayWalletsSpecJSI>(params);
}

@end

package shop;

import android.app.Activity;
import android.app.Application;
import android.content.Intent;
import android.os.Bundle;
import com.maxleap.MLOrder;
import com.maxleap.MLPayManager;
import com.maxleap.MLPayParam;
import com.maxleap.MaxLeap;
import com.maxleap.PayCallback;
import com.maxleap.QueryOrderCallback;
import com.maxleap.exception.MLCancelException;
import com.maxleap.exception.MLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** An app that was written in Java for the original SDK: what it says is what a payer sees. */
public class OldShop {
    public final List<String> said = new ArrayList<>();

    public void start(Application application, String appId, String clientKey) {
        MaxLeap.initialize(application, appId, clientKey, MaxLeap.REGION_CN);
    }

    public void pay(Activity activity, MLPayParam.Channel channel, String billNum, int fee) {
        MLPayParam payParam = new MLPayParam();
        payParam.setChannel(channel);
        payParam.setSubject("a toy");
        payParam.setBillNum(billNum);
        payParam.setTotalFee(fee);
        payParam.setBillTimeout(600);
        payParam.setCurrency("CNY");
        Map<String, String> extras = new HashMap<>();
        extras.put("t", "2");
        payParam.setExtras(extras);
        MLPayManager.doPayInBackground(activity, payParam, new PayCallback() {
            @Override
            public void done(String id, MLException e) {
                if (e instanceof MLCancelException) {
                    said.add("cancelled");
                } else if (e != null) {
                    said.add(e.getClass().getSimpleName() + " " + e.getCode() + " " + e.getMessage());
                } else {
                    said.add("paid " + id);
                }
            }
        });
    }

    public void query(MLPayParam.Channel channel, String billNum) {
        QueryOrderCallback callback = new QueryOrderCallback() {
            @Override
            public void done(List<MLOrder> orders, MLException e) {
                if (e != null) {
                    said.add(e.getCode() + " " + e.getMessage());
                    return;
                }
                MLOrder order = orders.get(0);
                said.add(orders.size() + " " + order.getBillNum() + " " + order.getChannel() + " " + order.getStatus() + " " + order.getTotalFee() + " "
                    + order.getCurrency() + " " + order.getMoney() + " " + order.getExtras() + " " + (order.getEndTime() > order.getCreatedTime())
                    + " " + MLOrder.toJSONArray(orders).optJSONObject(0).optString("id").equals(order.getId()));
            }
        };
        if (channel == null) {
            MLPayManager.queryOrderInBackground(billNum, callback);
        } else {
            MLPayManager.queryOrderInBackground(channel, billNum, callback);
        }
    }

    /** As the original's guide has it. */
    public static class WXPayEntryActivity extends Activity {
        @Override
        protected void onCreate(Bundle savedInstanceState) {
            super.onCreate(savedInstanceState);
            MLPayManager.onCreate(getIntent());
            finish();
        }

        @Override
        protected void onNewIntent(Intent intent) {
            super.onNewIntent(intent);
            setIntent(intent);
            MLPayManager.onNewIntent(intent);
        }
    }
}
